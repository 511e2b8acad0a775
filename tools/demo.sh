#!/bin/sh
# The whole path on synthetic recordings: raw zip -> store -> labelled split -> training -> report.
set -eu
out=build/demo
rm -rf "$out"
mkdir -p "$out"

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

run skeldata synth ntu --out "$out/ntu.zip" --samples 480 --actions 5,9,10,23,24,26,31,50 --seed 0
run skeldata prepare ntu --raw "$out/ntu.zip" --out "$out/ntu.zarr"
run skeldata info "$out/ntu.zarr"
run skeldata splits make --dataset ntu60 --protocol xsub --ratio 0.1 --store "$out/ntu.zarr" --out "$out/splits"
run skeldata splits verify "$out/splits"
run pspmodel train --store "$out/ntu.zarr" --ratio 0.1 --recipe tiny --out "$out/run"
run pspmodel evaluate "$out/run"
printf '\nLook at %s\n' "$out/run/report.html"
