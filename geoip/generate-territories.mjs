// Prints src/territories.rs from the CLDR data of the npm package cldr-localenames-full:
//
//   npm pack cldr-localenames-full@48.2.0 && tar xzf cldr-localenames-full-48.2.0.tgz
//   node geoip/generate-territories.mjs package > geoip/src/territories.rs
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
if (!folder) {
  console.error("usage: node generate-territories.mjs FOLDER_OF_THE_UNPACKED_PACKAGE");
  process.exit(2);
}
const read = (path) => JSON.parse(readFileSync(join(folder, path), "utf8"));
const { name, version, license } = read("package.json");
const names = read("main/en/territories.json").main.en.localeDisplayNames.territories;

// Two letters are countries; CLDR's pseudo-locales and its "unknown region" are not.
const notCountries = new Set(["XA", "XB", "ZZ"]);
const codes = Object.keys(names).filter((code) => /^[A-Z]{2}$/.test(code) && !notCountries.has(code)).sort();

console.log(`//! English country names of CLDR. Generated, do not edit.
//!
//! Source: npm package ${name} ${version} (${license}), \`main/en/territories.json\`, every two-letter code
//! except CLDR's own ${[...notCountries].join(", ")}. To regenerate, run \`generate-territories.mjs\` beside \`src\`, which says how.

/// ISO 3166-1 alpha-2 code and CLDR's English name, sorted by code.
pub(crate) const TERRITORIES: [(&str, &str); ${codes.length}] = [`);
for (const code of codes) console.log(`    (${JSON.stringify(code)}, ${JSON.stringify(names[code])}),`);
console.log("];");
