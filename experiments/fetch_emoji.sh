#!/bin/sh
# Fetches 3,660 emoji of Twitter's set, 64 x 64 pixels with transparency, from the package registry of
# npm (emoji-datasource-twitter; the pictures are by Twitter, CC-BY 4.0):
#
#   experiments/fetch_emoji.sh FOLDER
#
# leaves them in FOLDER as one PNG each.
set -eu
mkdir -p "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" emoji-datasource-twitter@15.1.2 > "$work"/log
tar -xzf "$work"/emoji-datasource-twitter-*.tgz -C "$work" --no-same-owner package/img/twitter/64
mv "$work"/package/img/twitter/64/*.png "$1"
echo "$(ls "$1" | wc -l) pictures in $1"
