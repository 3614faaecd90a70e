#!/bin/sh
# Fetches 3,660 emoji of Twitter's set, 64 x 64 pixels with transparency, from the package registry of
# npm (emoji-datasource-twitter; the pictures are by Twitter, CC-BY 4.0):
#
#   experiments/fetch_emoji.sh FOLDER
#
# leaves one PNG each in the subfolders of FOLDER, one for each of nine categories.
set -eu
mkdir -p "$1"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" emoji-datasource-twitter@15.1.2 > "$work"/log
tar -xzf "$work"/emoji-datasource-twitter-*.tgz -C "$work" --no-same-owner \
  package/img/twitter/64 package/emoji.json
# The category Component has five pictures: hair and patches of skin.
node -e '
  const fs = require("fs"), [source, target] = process.argv.slice(1);
  for (const emoji of JSON.parse(fs.readFileSync(source + "/emoji.json"))) {
    const category = emoji.category === "Component" ? "People & Body" : emoji.category;
    const folder = target + "/" + category.toLowerCase().replace(" & ", "_");
    fs.mkdirSync(folder, { recursive: true });
    for (const one of [emoji, ...Object.values(emoji.skin_variations || {})])
      if (one.has_img_twitter)
        fs.copyFileSync(source + "/img/twitter/64/" + one.image, folder + "/" + one.image);
  }
' "$work"/package "$1"
echo "$(find "$1" -name '*.png' | wc -l) pictures in $(ls "$1" | wc -l) folders of $1"
