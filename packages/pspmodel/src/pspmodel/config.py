"""The configuration of a run: typed, frozen and checked. `pspmodel.recipe` makes it from a recipe.

Each section says one thing; what a method alone needs stands in its own ``Options``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Stream = Literal["joint", "bone", "motion", "bone_motion"]
View = Literal["strong", "weak"]


class StrictModel(BaseModel):
    """Frozen settings; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(StrictModel):
    """What reaches the network.

    Attributes:
        streams: what is computed of the joints: themselves, bones (joint less its parent), and how
            both move.
        frames: T; 0 takes the store's. Other numbers resample its frames.
        limit: coordinates beyond this size, in the store's units, are cut off; 0 for none.
        motion_scale: factor on streams of movement, whose numbers are small beside coordinates.
        unlabelled: ``all`` training clips, their labels hidden (released code), or the ``rest``,
            without the labelled ones (paper).
        absent_bodies: ``drop`` keeps absent second persons out of the network; ``keep`` passes
            them through as zeros and averages them in, as the released code does.
        prepared: skeldata recipe of the store that the settings were made for; with another one a
            run starts with a note.
    """

    prepared: str = ""
    streams: tuple[Stream, ...] = Field(default=("joint", "motion"), min_length=1)
    frames: int = Field(default=0, ge=0)
    limit: float = Field(default=0.0, ge=0)
    motion_scale: float = Field(default=1.0, gt=0)
    unlabelled: Literal["all", "rest"] = "all"
    absent_bodies: Literal["drop", "keep"] = "drop"

    @field_validator("streams")
    @classmethod
    def _once_each(cls, streams: tuple[Stream, ...]) -> tuple[Stream, ...]:
        twice = [name for place, name in enumerate(streams) if name in streams[:place]]
        if twice:
            raise ValueError(f"{twice[0]} is there twice; name each stream once")
        return streams


class AugmentConfig(StrictModel):
    """How strongly clips are changed; all off by default, as in the paper and the released code.

    Attributes:
        draws: ``per-stream`` draws anew for each stream, ``shared`` once for all, ``joint-apart``
            once for the joints and once for all others. Shared draws let a contrast between streams
            solve itself by the transform.
        crop: least share of the frames that a random window keeps before it is resampled to T.
        flip: probability of exchanging left and right.
        yaw: largest rotation about the vertical, degrees.
        tilt: largest rotation about each of the two other axes, degrees.
        shear: largest off-diagonal of the shear matrix.
        scale: largest relative change of size.
        stretch: largest relative change of size along each axis by itself.
        noise: standard deviation of joint noise, in the store's units, times a U(0, 1) a clip.
        hide: probability of hiding each joint for the whole clip: zeros, as is every bone that it ends.
    """

    draws: Literal["per-stream", "shared", "joint-apart"] = "per-stream"
    crop: float = Field(default=1.0, gt=0, le=1)
    flip: float = Field(default=0.0, ge=0, le=1)
    yaw: float = Field(default=0.0, ge=0, le=180)
    tilt: float = Field(default=0.0, ge=0, le=180)
    shear: float = Field(default=0.0, ge=0, lt=1)
    scale: float = Field(default=0.0, ge=0, lt=1)
    stretch: float = Field(default=0.0, ge=0, lt=1)
    noise: float = Field(default=0.0, ge=0)
    hide: float = Field(default=0.0, ge=0, lt=1)

    @property
    def active(self) -> bool:
        """Whether any change can happen."""
        return self.crop < 1 or any(
            (self.flip, self.yaw, self.tilt, self.shear, self.scale, self.stretch, self.noise,
             self.hide)
        )  # fmt: skip


class DstaConfig(StrictModel):
    """PSP's encoder: attention over joints, then a look along time.

    Attributes:
        width: factor on all channels of ``blocks``.
        blocks: (channels in, channels out, C_e, temporal stride) of each; empty takes PSP's eight.
        heads: S, attention heads.
        temporal: what looks along time: a ``convolution`` of seven frames (released code), or DSTA-Net's
            ``attention`` over all frames (the encoder that the paper cites).
    """

    width: float = Field(default=1.0, gt=0)
    blocks: tuple[tuple[int, int, int, int], ...] = ()
    heads: int = Field(default=4, ge=1)
    temporal: Literal["convolution", "attention"] = "convolution"


class StGcnConfig(StrictModel):
    """ST-GCN: convolution over the skeleton's graph and over time.

    Attributes:
        channels: of each unit; the fifth and the eighth halve the frames.
        partition: of a joint's neighbours, by ``direction`` to the centre or by ``distance``.
        dropout: after every temporal convolution but the first unit's.
    """

    channels: tuple[int, ...] = (64, 64, 64, 64, 128, 128, 128, 256, 256, 256)
    partition: Literal["direction", "distance"] = "direction"
    dropout: float = Field(default=0.5, ge=0, lt=1)


class TcnConfig(StrictModel):
    """A compact network: all joints of a frame side by side, then convolutions over time.

    Attributes:
        channels: of every layer.
        depth: number of temporal convolutions.
        kernel: their taps, odd.
        dropout: of whole channels, after each of them.
        halvings: how often the mean of two frames takes their place, evenly between the layers.
        peaks: give the largest value over the frames beside each channel, for short events.
        distances: give the distances of a frame's points, which no rotation changes, beside their
            coordinates.
    """

    channels: int = Field(default=160, ge=1)
    depth: int = Field(default=6, ge=1)
    kernel: int = Field(default=3, ge=1)
    dropout: float = Field(default=0.2, ge=0, lt=1)
    halvings: int = Field(default=2, ge=0)
    peaks: bool = False
    distances: bool = False


class NetworkConfig(StrictModel):
    """The encoder that all streams share, and what each stream has of its own.

    Attributes:
        encoder: which of the tables below is used.
        stems: first layer and input norm, ``shared`` by the streams (PSP) or ``per-stream``.
        norms: batch norms of the rest, likewise.
        trunks: all weights of the encoder, likewise; each stream's own ones take no longer, and
            include its stem and norms.
        classifier: one for all streams (released code; the paper does not say), or ``per-stream``.
    """

    encoder: Literal["dsta", "stgcn", "tcn"] = "dsta"
    stems: Literal["shared", "per-stream"] = "shared"
    norms: Literal["shared", "per-stream"] = "shared"
    trunks: Literal["shared", "per-stream"] = "shared"
    classifier: Literal["shared", "per-stream"] = "shared"
    dsta: DstaConfig = DstaConfig()
    stgcn: StGcnConfig = StGcnConfig()
    tcn: TcnConfig = TcnConfig()


class ClassificationConfig(StrictModel):
    """Cross-entropy of the streams' logits together and, if wanted, of each alone.

    Attributes:
        fusion: how logits of streams become one prediction.
        auxiliary: weight of the sum of the single streams' losses; PSP has none.
        smoothing: share of the target that is spread over all classes.
    """

    fusion: Literal["sum", "mean"] = "sum"
    auxiliary: float = Field(default=0.0, ge=0)
    smoothing: float = Field(default=0.0, ge=0, lt=1)


class PseudoLabelConfig(StrictModel):
    """Labels that averaged weights give to weakly changed unlabelled clips; off by default.

    The teacher's probabilities are the mean over the streams, divided by their own running class
    mean and normalised again, so that no class takes all.

    Attributes:
        weight: of the classification loss on strongly changed clips with these labels.
        threshold: least probability of a label that is used.
        start, full: share of the schedule at which the weight begins to grow and has grown.
        alignment: decay of the running class mean; 0 leaves the probabilities as they are.
        cameras: the teacher sees the ``same`` recording, or what an ``other`` camera saw of the same
            performance, where there is such a recording. Which ones belong together is known from
            their names, so this is more than the usual setting gives.
    """

    weight: float = Field(default=0.0, ge=0)
    threshold: float = Field(default=0.6, ge=0, lt=1)
    start: float = Field(default=0.3, ge=0, le=1)
    full: float = Field(default=0.5, ge=0, le=1)
    alignment: float = Field(default=0.97, ge=0, lt=1)
    cameras: Literal["same", "other"] = "same"

    @model_validator(mode="after")
    def _grows(self) -> PseudoLabelConfig:
        if self.full < self.start:
            raise ValueError(f"full {self.full} lies before start {self.start}")
        if self.cameras == "other" and not self.weight:
            raise ValueError('cameras = "other" needs pseudo-labels; set weight, e.g. 1.0')
        return self


class OptimConfig(StrictModel):
    """The optimiser and its learning rate.

    Attributes:
        kind: ``sgd`` or ``adamw``.
        lr: learning rate after warm-up.
        momentum: of SGD.
        nesterov: whether SGD looks ahead along its momentum, as PSP's does.
        betas: of AdamW.
        weight_decay: strength.
        decayed: ``all`` parameters, as in the released code, or ``matrices`` alone (two axes and
            more: neither biases nor norms).
        schedule: ``steps`` multiplies the rate by ``decay`` at each milestone and warms up by whole
            epochs; ``cosine`` goes to zero, step by step.
        warmup_epochs: W; with ``steps``, epoch e < W runs at lr * (e + 1) / W.
        milestones: epochs.
        decay: factor at a milestone.
    """

    kind: Literal["sgd", "adamw"] = "sgd"
    lr: float = Field(gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)
    decayed: Literal["all", "matrices"] = "all"
    schedule: Literal["steps", "cosine"] = "steps"
    warmup_epochs: int = Field(default=0, ge=0)
    milestones: tuple[int, ...] = ()
    decay: float = Field(default=0.1, gt=0)


class TrainConfig(StrictModel):
    """How long to train, on how many clips, and what to do on the way.

    Attributes:
        epochs: number of epochs.
        steps_per_epoch: steps of one epoch; 0 means one pass over the unlabelled clips (over the
            labelled ones if there are none).
        labelled_batch: labelled clips a step; 0 only where a stage needs no labels.
        unlabelled_batch: unlabelled clips a step; 0 trains on labelled clips alone.
        average: decay of averaged weights, which then teach and predict; 0 for none.
        precision: ``fp32``, or ``bf16`` autocast with losses in fp32.
        compile: whether `torch.compile` makes kernels of the encoder, which takes a minute or more
            and a C++ compiler; meant for GPUs.
        evaluate_every: epochs between evaluations; the last epoch is always evaluated.
        checkpoint_every: epochs between checkpoints; the end is always saved.
        log_every: steps between lines of metrics.jsonl.
    """

    epochs: int = Field(ge=1)
    steps_per_epoch: int = Field(default=0, ge=0)
    labelled_batch: int = Field(ge=0)
    unlabelled_batch: int = Field(ge=0)
    average: float = Field(default=0.0, ge=0, lt=1)
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    evaluate_every: int = Field(default=1, ge=1)
    checkpoint_every: int = Field(default=1, ge=1)
    log_every: int = Field(default=20, ge=1)

    @model_validator(mode="after")
    def _has_clips(self) -> TrainConfig:
        if not self.labelled_batch and not self.unlabelled_batch:
            raise ValueError("labelled_batch and unlabelled_batch are both 0: nothing to train on")
        return self


class HeldOutConfig(StrictModel):
    """Training clips whose labels choose an epoch, never train.

    They are the unlabelled training clips of a few subjects. They stay in the unlabelled pool,
    where the protocol puts every training clip; only their labels are kept from training.

    Attributes:
        fraction: share of the training subjects, the highest numbers, at least one.
        subjects: explicit subjects instead.
    """

    fraction: float = Field(default=0.2, gt=0, lt=1)
    subjects: tuple[int, ...] = ()


class StageConfig(StrictModel):
    """What may differ between the stages of a method.

    Attributes:
        augment: random changes of training clips; evaluation sees clips as they are stored.
        weak: gentle changes, for what a teacher sees.
        optim, train: see there.
    """

    augment: AugmentConfig = AugmentConfig()
    weak: AugmentConfig = AugmentConfig()
    optim: OptimConfig
    train: TrainConfig


class RunConfig(StageConfig):
    """Everything that decides a run, written beside it as config.json.

    Attributes:
        recipe: name it came from.
        method: ``psp`` or another of `pspmodel.methods`.
        data, network, classification, pseudo_labels, held_out: see there.
        stage: settings of single stages, each whole; what is not named runs with the run's own.
        options: the method's own settings, checked by the method.
    """

    recipe: str
    method: str
    summary: str = ""
    seed: int = Field(default=0, ge=0, lt=2**31)
    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    classification: ClassificationConfig = ClassificationConfig()
    pseudo_labels: PseudoLabelConfig = PseudoLabelConfig()
    held_out: HeldOutConfig = HeldOutConfig()
    stage: dict[str, StageConfig] = {}
    options: dict[str, Any] = {}

    def at(self, stage: str) -> StageConfig:
        """The settings of a stage."""
        return self.stage.get(stage, self)
