#!/usr/bin/env bash
# Builds and runs the applications of test/Consumer against the packages of ./build.sh pack: outside this repository, with an empty package cache, from a
# feed that is the folder of the packages. Prints a line per case; the logs stay in artifacts/consumers. Linux x64 only.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

ROOT=$PWD
FEED=$ROOT/artifacts/packages
LOGS=$ROOT/artifacts/consumers
ALL=(alone serving torchsharp no-libtorch pictures pictures-skia3 tensors9 tensors10 onnx processes single-file newer-runtime)
SKIA3=3.119.4 TENSORS9=9.0.4 TENSORS10=10.0.12 NEWER_RUNTIME=11.0.0

usage() {
  cat <<TEXT
Usage: ./build.sh consumers [CASE...]

  alone           NaturalGradient.MLNet.Cpu and README's example in a new console project; then a second application, which references only what
                  scoring needs, loads the saved model in a process of its own
  serving         NaturalGradient.MLNet.Onnx alone: what was saved for serving scores as the model does, and no libtorch is there
  torchsharp      beside Microsoft.ML.TorchSharp: both TextClassification methods, both libraries in one process
  no-libtorch     without libtorch: the first use says which package to add
  pictures        pictures by path and as MLImage with the SkiaSharp that the packages bring
  pictures-skia3  the same with SkiaSharp $SKIA3
  tensors9        an application that itself asks for System.Numerics.Tensors $TENSORS9, as ML.NET does
  tensors10       or for $TENSORS10
  onnx            beside Microsoft.ML.OnnxTransformer: libtorch and ONNX Runtime in one process
  processes       NaturalGradient.MLNet.Mpi alone: a process by itself, and two that mpiexec starts
  single-file     published as a self-contained single file
  newer-runtime   self-contained on .NET $NEWER_RUNTIME

All of them where none is named.
TEXT
}

version() { basename "$(ls "$FEED"/NaturalGradient.MLNet.Cpu.*.nupkg)" .nupkg | sed 's/^NaturalGradient\.MLNet\.Cpu\.//'; }

# A copy of a project where nothing of this repository is found.
copy() {
  rm -rf "${WORK:?}/$1"
  cp -r "$ROOT/test/Consumer/$1" "$WORK/$1"
  cd "$WORK/$1" || return 1
}

# Restores and builds without a warning.
build() { dotnet build --nologo -warnaserror "$@"; }

# The program just built, in the current folder.
run() { local program; program=$(basename "$PWD"); "./bin/Debug/net10.0/$program" "$@"; }

# Succeeds when the line is in what the command of the case has printed so far.
printed() { grep -qF -- "$1" "$LOG" || { printf 'not printed: %s\n' "$1"; return 1; }; }

# Makes reviews.zip unless an earlier case did, with README's example on 300 of the sentences.
train() {
  [ ! -e "$WORK/reviews.zip" ] || return 0
  copy Training && head -n 301 "$ROOT/samples/TextClassification/Data/reviews.tsv" >reviews.tsv &&
    build && run && printed 'accuracy 0.' && mv reviews.zip "$WORK/"
}

score() {
  copy Scoring && cp "$WORK/reviews.zip" . && build "$@" && run 'I love it.' 'Never again, a waste of money.' && printed 'positive (' && printed 'negative ('
}

# Publishes the scoring program and runs it without .NET, and without a package cache where TorchSharp could find libtorch.
publish() {
  copy Scoring && dotnet publish --nologo -warnaserror --runtime linux-x64 --self-contained --output out "$@" && cp "$WORK/reviews.zip" out/ && cd out &&
    env -i HOME="$WORK" PATH=/usr/bin:/bin ./Scoring 'I love it.' && printed 'positive ('
}

alone() { train && score && from_feed; }

convert() { copy Converting && cp "$WORK/reviews.zip" . && build && run && mv reviews-served.zip "$WORK/"; }

# Both programs give the same classes and probabilities; nothing of torch is in the folder or in the process.
serving() {
  local text='Never again, a waste of money.'
  train && score && convert && copy Serving && cp "$WORK/reviews-served.zip" . && build && run 'I love it.' "$text" && printed 'libraries of torch: .' || return 1
  [ "$(grep -cF "): $text" "$LOG")" -eq 2 ] && [ "$(grep -F "): $text" "$LOG" | sort -u | wc -l)" -eq 1 ] || { printf 'other answers than those of the trained model\n'; return 1; }
  ! find bin -iname '*torch*' | grep . && du -sh bin && from_feed
}

# The packages were those of the feed.
from_feed() { ! grep -L "$FEED" "$WORK"/packages/naturalgradient.mlnet*/*/.nupkg.metadata | grep .; }

torchsharp() {
  copy BesideTorchSharp && build && run && printed 'with optimizer: Microsoft.ML.NaturalGradient.TextClassificationTrainer' &&
    printed 'without: Microsoft.ML.TorchSharp.NasBert.TextClassificationTrainer' && printed 'PredictedLabel, Score'
}

no-libtorch() {
  train && copy Scoring && sed -i '/libtorch/d' Scoring.csproj && cp "$WORK/reviews.zip" . && build || return 1
  # TorchSharp would also look into the package cache of the machine.
  if env HOME="$WORK" NUGET_PACKAGES="$WORK/no-packages" DOTNET_ROOT="$(dirname "$(readlink -f "$(command -v dotnet)")")" "./bin/Debug/net10.0/Scoring" 'I love it.'; then
    printf 'it scored without libtorch\n'
    return 1
  fi
  printed "'dotnet add package NaturalGradient.MLNet.Cpu'"
}

# Four pictures of two classes each; the first argument begins the version of SkiaSharp that is to be there.
score_pictures() {
  local skia=$1 class
  shift
  copy Pictures || return 1
  for class in Bag Sandal; do
    mkdir -p "pictures/$class"
    find "$ROOT/samples/ImageClassification/data/test/$class" -name '*.png' | sort | head -n 4 | xargs -d '\n' cp -t "pictures/$class" || return 1
  done
  build "$@" && run pictures && printed "SkiaSharp $skia" && same_scores
}

# The two ways to the pixels give the same numbers.
same_scores() { [ "$(grep -E '^(ImagePath|Picture): ' "$LOG" | cut -d ' ' -f 2- | sort -u | wc -l)" -eq 1 ]; }

pictures() { score_pictures 2.; }
pictures-skia3() { score_pictures 3. -p:SkiaSharpVersion=$SKIA3; }

tensors() { train && copy Scoring && dotnet add package System.Numerics.Tensors --version "$1" && cp "$WORK/reviews.zip" . && build && run 'I love it.' && printed 'positive ('; }
tensors9() { tensors $TENSORS9; }
tensors10() { tensors $TENSORS10; }

onnx() { train && copy BesideOnnx && cp "$WORK/reviews.zip" . && build && run && printed 'positive (' && printed '-1 2'; }

# The first needs no MPI.
processes() {
  copy Processes && build && run && printed 'process 0 of 1: 1' && "$(command -v mpiexec.mpich || command -v mpiexec)" -n 2 ./bin/Debug/net10.0/Processes &&
    printed 'process 0 of 2: 3' && printed 'process 1 of 2: 3' && from_feed
}

single-file() { train && publish -p:PublishSingleFile=true; }
newer-runtime() { train && publish -p:RuntimeFrameworkVersion=$NEWER_RUNTIME; }

cases=("$@")
if [ "${1:-}" = --help ]; then usage; exit 0; fi
[ "${#cases[@]}" -gt 0 ] || cases=("${ALL[@]}")
for name in "${cases[@]}"; do
  [[ " ${ALL[*]} " == *" $name "* ]] || { printf 'consumers: there is no case "%s".\n\n' "$name" >&2; usage >&2; exit 2; }
done
compgen -G "$FEED/*.nupkg" >/dev/null || { printf 'consumers: there are no packages in %s. Run ./build.sh pack first.\n' "$FEED" >&2; exit 2; }

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$LOGS"
printf '<configuration><packageSources><add key="feed" value="%s" /></packageSources></configuration>\n' "$FEED" >"$WORK/nuget.config"
NaturalGradientVersion=$(version)
export NaturalGradientVersion NUGET_PACKAGES="$WORK/packages"
unset CI

code=0
for name in "${cases[@]}"; do
  started=$SECONDS outcome=passed LOG=$LOGS/$name.log
  : >"$LOG"
  ( "$name" ) </dev/null >>"$LOG" 2>&1 || { outcome=FAILED code=1; }
  printf '%-15s %s (%d s)\n' "$name" "$outcome" "$((SECONDS - started))"
  if [ "$outcome" = FAILED ]; then tail -n 30 "$LOG"; fi
  rm -rf "$WORK"/*/bin "$WORK"/*/obj "$WORK"/*/out   # a copy of libtorch each
done
exit "$code"
