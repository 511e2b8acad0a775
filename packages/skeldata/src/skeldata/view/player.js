// Plays the clips of the page. Without it the page shows the middle frame.
"use strict";
(() => {
  const clip = JSON.parse(document.getElementById("clip").textContent);
  const NS = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);
  const radians = (degrees) => degrees * Math.PI / 180;

  // The camera of skeldata/view/camera.py: stage coordinates are right, nearer, up.
  function project(point, camera) {
    const turn = radians(camera.azimuth), tilt = radians(camera.elevation);
    const across = point[0] * Math.cos(turn) - point[1] * Math.sin(turn);
    const near = point[0] * Math.sin(turn) + point[1] * Math.cos(turn);
    return [across, point[2] * Math.cos(tilt) - near * Math.sin(tilt), near * Math.cos(tilt) + point[2] * Math.sin(tilt)];
  }

  class Panel {
    constructor(svg, scene) {
      this.svg = svg;
      this.scene = scene;
      this.camera = { ...scene.camera };
      svg.replaceChildren();
      const add = (kind, count, classes) => Array.from({ length: count }, () => {
        const element = document.createElementNS(NS, kind);
        element.setAttribute("class", classes);
        return svg.appendChild(element);
      });
      const persons = scene.frames[0].length;
      this.tiles = add("line", scene.tiles.length, "tile");
      this.shadows = add("line", persons * clip.bones.length, "shadow");
      this.leaders = add("line", scene.labels.length, "leader");
      this.bones = add("line", persons * clip.bones.length, "bone");
      this.joints = add("circle", persons * clip.joints.length, "joint");
      this.numbers = add("text", persons > 1 ? persons : 0, "number");
      this.names = add("text", scene.labels.length, "name");
      this.listen();
    }

    // Pixels of a stage point; the whole clip fits in, however it is turned.
    pixel(point) {
      const { width, height, centre, radius, low, high } = this.scene;
      const tilt = radians(this.camera.elevation);
      const tall = (high - low) * Math.cos(tilt) + 2 * radius * Math.abs(Math.sin(tilt));
      const side = this.named ? clip.column : clip.margin;
      const scale = Math.min((width - 2 * side) / (2 * radius), (height - 2 * clip.margin) / tall);
      const [x, y, near] = project([point[0] - centre[0], point[1] - centre[1], point[2] - (low + high) / 2], this.camera);
      return [width / 2 + scale * x, height / 2 - scale * y, near];
    }

    line(element, a, b) {
      element.setAttribute("x1", a[0].toFixed(2));
      element.setAttribute("y1", a[1].toFixed(2));
      element.setAttribute("x2", b[0].toFixed(2));
      element.setAttribute("y2", b[1].toFixed(2));
      element.style.display = "";
    }

    show(frame, named) {
      this.frame = frame;
      this.named = named;
      const bodies = this.scene.frames[frame];
      const pixels = bodies.map((body) => body && body.map((point) => this.pixel(point)));
      this.scene.tiles.forEach(([a, b], i) => this.line(this.tiles[i], this.pixel(a), this.pixel(b)));
      const hide = (elements, from) => elements.slice(from).forEach((element) => { element.style.display = "none"; });

      const bones = [];
      pixels.forEach((body, number) => body && clip.bones.forEach(([child, parent]) => bones.push({
        number, side: clip.sides[child], child, parent, a: body[child], b: body[parent],
      })));
      bones.forEach((bone, i) => {
        const drop = (joint) => { const p = bodies[bone.number][joint]; return this.pixel([p[0], p[1], this.scene.low]); };
        this.line(this.shadows[i], drop(bone.child), drop(bone.parent));
      });
      hide(this.shadows, bones.length);
      bones.sort((p, q) => (p.a[2] + p.b[2]) - (q.a[2] + q.b[2]));
      bones.forEach((bone, i) => {
        const element = this.bones[i];
        this.line(element, bone.a, bone.b);
        element.setAttribute("class", "bone " + bone.side);
        element.setAttribute("stroke-width", bone.number ? 2.2 : 4);
        element.dataset.body = bone.number;
        element.dataset.bone = bone.child + "-" + bone.parent;
      });
      hide(this.bones, bones.length);

      let used = 0;
      pixels.forEach((body, number) => body && body.forEach(([x, y], joint) => {
        const element = this.joints[used++];
        element.setAttribute("class", "joint " + clip.sides[joint] + (number ? " second" : ""));
        element.setAttribute("cx", x.toFixed(2));
        element.setAttribute("cy", y.toFixed(2));
        element.setAttribute("r", number ? 3 : 4);
        element.style.display = "";
      }));
      hide(this.joints, used);

      this.numbers.forEach((element, number) => {
        const body = pixels[number];
        element.style.display = body ? "" : "none";
        if (body) {
          element.textContent = number + 1;
          element.setAttribute("text-anchor", "middle");
          element.setAttribute("x", body[clip.head][0].toFixed(1));
          element.setAttribute("y", (body[clip.head][1] - 9).toFixed(1));
        }
      });

      const main = pixels.find((body) => body);
      this.scene.labels.forEach(([joint, column, height], i) => {
        const { width, height: tall } = this.scene;
        const left = column === "left";
        const at = [left ? clip.column : width - clip.column, tall - clip.margin - height * (tall - 2 * clip.margin)];
        const name = this.names[i];
        name.style.display = named ? "" : "none";
        name.textContent = clip.joints[joint];
        name.setAttribute("class", "name " + clip.sides[joint]);
        name.setAttribute("text-anchor", left ? "end" : "start");
        name.setAttribute("x", at[0] + (left ? -3 : 3));
        name.setAttribute("y", at[1] + 4);
        if (named && main) this.line(this.leaders[i], at, main[joint]); else this.leaders[i].style.display = "none";
      });
    }

    listen() {
      let from = null;
      this.svg.addEventListener("pointerdown", (event) => {
        from = { x: event.clientX, y: event.clientY, ...this.camera };
        this.svg.setPointerCapture(event.pointerId);
      });
      this.svg.addEventListener("pointermove", (event) => {
        if (!from) return;
        this.camera.azimuth = from.azimuth - (event.clientX - from.x) * 0.6;
        // A finger that moves up or down scrolls the page.
        if (event.pointerType !== "touch") {
          this.camera.elevation = Math.max(-10, Math.min(80, from.elevation + (event.clientY - from.y) * 0.4));
        }
        this.show(this.frame, this.named);
      });
      for (const end of ["pointerup", "pointercancel"]) this.svg.addEventListener(end, () => { from = null; });
    }
  }

  const panels = clip.scenes.map((scene, i) => new Panel(byId("scene" + i), scene));
  const count = clip.scenes[0].frames.length;
  const controls = { play: byId("play"), frame: byId("frame"), speed: byId("speed"), names: byId("names") };
  let frame = 0, playing = false, since = 0, started = 0;

  function show(next) {
    frame = ((next % count) + count) % count;
    controls.frame.value = frame;
    byId("clock").textContent = `frame ${frame + 1} of ${count}`;
    panels.forEach((panel) => panel.show(frame, controls.names.checked));
  }

  const perFrame = () => 1000 * clip.seconds / count / Number(controls.speed.value);

  function tick(now) {
    if (!playing) return;
    const next = started + Math.floor((now - since) / perFrame());
    if (next % count !== frame) show(next);
    requestAnimationFrame(tick);
  }

  function play(on) {
    playing = on;
    controls.play.textContent = on ? "Pause" : "Play";
    since = performance.now();
    started = frame;
    if (on) requestAnimationFrame(tick);
  }

  controls.play.addEventListener("click", () => play(!playing));
  controls.frame.addEventListener("input", () => { play(false); show(Number(controls.frame.value)); });
  controls.speed.addEventListener("change", () => play(playing));
  controls.names.addEventListener("change", () => show(frame));
  byId("front").addEventListener("click", () => {
    panels.forEach((panel) => { panel.camera = { ...panel.scene.camera }; });
    show(frame);
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, button, summary") && event.key === " ") return;
    if (event.target.matches("input[type=range], select")) return;
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) { play(false); show(frame + step); } else if (event.key === " ") play(!playing); else return;
    event.preventDefault();
  });

  byId("controls").hidden = false;
  const asked = /^#frame=(\d+)$/.exec(location.hash);  // 1-based, as it is shown
  if (asked) show(Number(asked[1]) - 1);
  else { show(0); play(!matchMedia("(prefers-reduced-motion: reduce)").matches); }
})();
