#!/bin/sh
# Fetches Fashion-MNIST, 30 MB, from Debian's package registry:
#
#   tools/feature_classifiers/fetch_fashion.sh FOLDER
#
# It writes the four idx files, uncompressed, to FOLDER.
set -eu
mkdir -p "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && apt-get download dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb .)
for file in "$work"/usr/share/datasets/fashion-mnist/*.gz; do
  gzip -dc "$file" > "$1/$(basename "$file" .gz)"
done
