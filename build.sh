#!/usr/bin/env bash
# Every verb does all the set-up it needs; start here on a machine just installed.
set -euo pipefail

ROOT=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)   # of the script itself, where it is called by a link
SOLUTION=NaturalGradient.MLNet.sln
ARTIFACTS=$ROOT/artifacts/bin
PACKAGES=$ROOT/artifacts/packages

usage() {
  cat <<'TEXT'
Usage: ./build.sh VERB [ARGUMENT...]

  sample   Train a text classifier with iEF and with AdamW, compare them and classify three sentences.
             ./build.sh sample --quick          one epoch on 100 rows, about a minute
             ./build.sh sample --help           all its options, among them your own data
  sample-images
           Train an image classifier with iEF, with AdamW and on its head alone, compare them, draw their mistakes and
           classify three pictures.
             ./build.sh sample-images --quick   one epoch on 100 pictures, under a minute
             ./build.sh sample-images --help    all its options, among them your own pictures
  sample-tasks
           Train for other tasks on texts: names in messages (ner), several labels (labels), a number (number), answers (qa).
             ./build.sh sample-tasks --task labels       about two minutes; without --task: ner
             ./build.sh sample-tasks --quick             few rows, seconds
             ./build.sh sample-tasks --help              all its options, among them your own data
  sample, sample-images and sample-tasks train with K processes that work on one model when --processes K comes first:
             ./build.sh sample --processes 2 --quick
  sample-web
           Serve a text and a picture classifier over HTTP, with a page to try them; train them first where there are none.
             ./build.sh sample-web              then open http://localhost:5080
             ./build.sh sample-web load         measure it while models are swapped
             ./build.sh sample-web --help       all its options
  replicate
           Reproduce the experiments of the iEF paper: quality of update directions, training with each optimizer, damping.
             ./build.sh replicate quick         all of them, small, a few minutes; with --tiny about a minute
             ./build.sh replicate --help        all its commands, among them your own experiment files
  test     Run all tests. Arguments go to the test runner:
             ./build.sh test --filter "FullyQualifiedName~Ief"
  test-everywhere
           Run all tests under three CPU capabilities, one and two threads, a Turkish and a German culture: seven runs.
  bench    Run the benchmarks. Arguments go to BenchmarkDotNet:
             ./build.sh bench --filter '*Gram*'
             ./build.sh bench help              what else it measures: accuracy, memory, traffic of processes ...
  pack     Write the NuGet packages to artifacts/packages and look into them.
  consumers
           Build and run applications that know this project by those packages only, outside the repository.
             ./build.sh consumers --help        the cases; all of them take about 10 minutes
  api      Write down what is public after a change on purpose (PublicAPI.Unshipped.txt of each project).
  format   Bring the source into the project's format; 'format --check' only reports.

Each verb first looks for the .NET 10 SDK and, on Linux, for ICU and a libstdc++ of GCC 13 or newer (eng/prerequisites.sh); test,
consumers and --processes for MPICH, too. Each of K processes gets a K-th of the cores, unless OMP_NUM_THREADS says otherwise.
What is missing is installed with apt-get where there are root rights; otherwise a message says what to do.
TEXT
}

# With the argument 'mpi' also what starts several processes.
set_up() {
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
  export DOTNET_CLI_UI_LANGUAGE=en                                      # .ci/run reads the test runner's summary
  export DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1      # leave no servers behind
  if [ -z "${HOME:-}" ]; then export HOME=$ROOT/artifacts/home; mkdir -p "$HOME"; fi
  if ! command -v dotnet >/dev/null 2>&1 && [ -x "$HOME/.dotnet/dotnet" ]; then
    export PATH="$HOME/.dotnet:$PATH" DOTNET_ROOT="$HOME/.dotnet"       # where dotnet-install.sh puts it
  fi
  cd "$ROOT"                                                            # global.json is found from here
  bash eng/prerequisites.sh "$@"
}

# The same for a program that a user may start as several processes: takes 'K' of '--processes K'.
set_up_program() {
  [ -n "$PROCESSES" ] || { set_up; return; }
  [[ $PROCESSES =~ ^[1-9][0-9]*$ ]] || { printf 'build.sh: --processes needs a number from 1 on, not "%s".\n' "$PROCESSES" >&2; exit 2; }
  set_up mpi
  LAUNCHER=$(find_launcher) || { printf 'build.sh: --processes needs mpiexec, of MPICH (Debian, Ubuntu: apt-get install mpich) or another MPI.\n' >&2; exit 1; }
}

# MPICH's by its own name, else whichever is called mpiexec.
find_launcher() { command -v mpiexec.mpich || command -v mpiexec.hydra || command -v mpiexec; }

# One process's part of the cores.
threads_per_process() {
  local cores
  cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || printf 1)
  printf '%s' "$((cores > PROCESSES ? cores / PROCESSES : 1))"
}

# Restores and builds one project or solution; shows the output only when that fails.
build() {
  local log
  log=$(mktemp)
  printf 'Building %s ...\n' "$(basename "$1")" >&2
  if dotnet build "$1" --configuration Release --verbosity quiet --nologo >"$log" 2>&1; then
    rm -f "$log"
  else
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
}

# Runs a built program in the caller's folder, so that relative paths among its arguments mean what they say.
run_program() {
  local name=$1
  shift
  cd "$CALLER"
  set -- dotnet "$ARTIFACTS/$name/release/$name.dll" "$@"
  if [ -n "$PROCESSES" ]; then
    export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$(threads_per_process)}
    set -- "$LAUNCHER" -n "$PROCESSES" "$@"
  fi
  exec "$@"
}

sample() {
  build samples/TextClassification/TextClassification.csproj
  run_program TextClassification "$@"
}

sample_images() {
  build samples/ImageClassification/ImageClassification.csproj
  run_program ImageClassification "$@"
}

sample_tasks() {
  build samples/TextTasks/TextTasks.csproj
  run_program TextTasks "$@"
}

sample_web() {
  build samples/WebApi/WebApi.csproj
  run_program WebApi "$@"
}

replicate() {
  build samples/Replication/Replication.csproj
  run_program Replication "$@"
}

run_tests() {
  build "$SOLUTION"
  dotnet test --solution "$SOLUTION" --configuration Release --no-build --output normal --no-progress "$@"
}

bench() {
  build test/Microsoft.ML.NaturalGradient.Benchmarks/Microsoft.ML.NaturalGradient.Benchmarks.csproj
  run_program Microsoft.ML.NaturalGradient.Benchmarks "$@"
}

# One version, that of Directory.Build.props; bytes that depend on the commit alone.
pack() {
  local version
  rm -rf "$PACKAGES"
  version=$(dotnet msbuild src/Microsoft.ML.NaturalGradient/Microsoft.ML.NaturalGradient.csproj -getProperty:PackageVersion)
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || true)
  export SOURCE_DATE_EPOCH
  build eng/PackageCheck/PackageCheck.csproj
  printf 'Packing %s ...\n' "$version" >&2
  dotnet pack "$SOLUTION" --configuration Release --output "$PACKAGES" --verbosity quiet --nologo
  dotnet "$ARTIFACTS/PackageCheck/release/PackageCheck.dll" "$PACKAGES" "$version"
}

format() {
  local check=()
  if [ "${1:-}" = --check ]; then check=(--verify-no-changes); shift; fi
  # No build of the solution: wrong format is a build error, and this verb mends it. Loading the projects runs the
  # publicizer, in the configuration that the environment names.
  dotnet restore "$SOLUTION" --verbosity quiet
  build eng/Publicizer/Publicizer.csproj
  Configuration=Release dotnet format "$SOLUTION" --no-restore ${check[@]+"${check[@]}"} "$@"
}

CALLER=$PWD
VERB=${1:-help}
[ $# -eq 0 ] || shift
[ "${1:-}" != -- ] || shift
PROCESSES='' LAUNCHER=''
case "$VERB ${1:-}" in
  'sample --processes'|'sample-images --processes'|'sample-tasks --processes')
    PROCESSES=${2:-nothing}
    shift $(($# < 2 ? 1 : 2))
    ;;
esac

case "$VERB" in
  sample) set_up_program; sample "$@" ;;
  sample-images) set_up_program; sample_images "$@" ;;
  sample-tasks) set_up_program; sample_tasks "$@" ;;
  sample-web) set_up; sample_web "$@" ;;
  replicate) set_up; replicate "$@" ;;
  test) set_up mpi; run_tests "$@" ;;
  test-everywhere) exec bash "$ROOT/eng/test-everywhere.sh" "$@" ;;
  bench) set_up; bench "$@" ;;
  pack) set_up; pack ;;
  consumers) set_up mpi; exec bash eng/consumers.sh "$@" ;;
  api) set_up; exec bash eng/public-api.sh ;;
  format) set_up; format "$@" ;;
  help|-h|--help) usage ;;
  *) printf 'build.sh: unknown verb "%s".\n\n' "$VERB" >&2; usage >&2; exit 2 ;;
esac
