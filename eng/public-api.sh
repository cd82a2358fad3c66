#!/usr/bin/env bash
# Writes down what each assembly in src/ has made public since the last release: PublicAPI.Unshipped.txt beside its project. The build compares the
# code with these files, so that a member that vanishes, or that becomes public by accident, is an error. A change on purpose is a change of these
# files, which a reader of the commit sees.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)

# The lists as they were, unless all of them could be written.
finish() {
  if [ "$?" -ne 0 ]; then cp -R "$work/before/." .; fi
  rm -rf "$work"
}
mkdir "$work/before"
tar -cf - src/*/PublicAPI.Unshipped.txt | tar -xf - -C "$work/before"
trap finish EXIT

for file in src/*/PublicAPI.Unshipped.txt; do
  printf '#nullable enable\n' >"$file"
done
# A project is compiled when the first one that references it is built, and warns only then, so that all logs are read together.
for file in src/*/PublicAPI.Unshipped.txt; do
  if ! dotnet build "$(dirname "$file")" --configuration Release --nologo -p:TreatWarningsAsErrors=false >"$work/log"; then
    cat "$work/log" >&2
    exit 1
  fi
  cat "$work/log" >>"$work/logs"
done
for file in src/*/PublicAPI.Unshipped.txt; do
  project=$(basename "$(dirname "$file")")
  # ...: warning RS0016: Symbol 'what it is' is not part of the declared public API (...) [project]
  sed -nE "s|.*RS0016: Symbol '(.*)' is not part of the declared public API.*\[.*/$project\.csproj\]|\1|p" "$work/logs" | LC_ALL=C sort -u >>"$file"
  printf '%s: %d\n' "$file" "$(($(wc -l <"$file") - 1))"
done
