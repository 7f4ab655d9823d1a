#!/usr/bin/env bash
# Makes both locks anew: hashes for every platform, no download address (ADR 0009).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/bootstrap.sh
uv=$(find_uv)
lock() { "$uv" pip compile pyproject.toml "$@" --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet; }
lock -o requirements.lock
lock --group dev -c requirements.lock -o requirements-dev.lock
