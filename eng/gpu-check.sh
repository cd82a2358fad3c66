#!/usr/bin/env bash
# On a machine with an NVIDIA GPU: builds with the CUDA libtorch, runs the tests of numbers on it, and prints one table that
# compares the GPU with the CPU (LoRA steps, what a step changes, γ, a trained pipeline). Under 10 minutes; the exit code tells.
#   eng/gpu-check.sh            cuda:0
#   eng/gpu-check.sh cuda:1     another GPU
#   eng/gpu-check.sh cpu        the same with the CPU in its place and the CPU's libtorch, to try the script itself
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

DEVICE=${1:-cuda:0}
BACKEND=cuda
if [ "$DEVICE" = cpu ]; then BACKEND=cpu; fi
export TorchBackend=$BACKEND   # what eng/TorchBackend.targets reads
code=0

if [ "$BACKEND" = cuda ]; then
  command -v nvidia-smi >/dev/null 2>&1 || { echo 'gpu-check: this machine has no nvidia-smi, so no NVIDIA driver.' >&2; exit 2; }
  nvidia-smi --query-gpu=index,name,driver_version,memory.total --format=csv,noheader
fi

FILTER='FullyQualifiedName~Tests.Optimization|FullyQualifiedName~Tests.PerSampleGradients|FullyQualifiedName~Tests.Curvature'
timeout 300 ./build.sh test --filter "$FILTER" || { echo 'gpu-check: the tests failed or took over 5 minutes.' >&2; code=1; }
./build.sh bench device "$DEVICE" --steps 20 || code=$?
exit "$code"
