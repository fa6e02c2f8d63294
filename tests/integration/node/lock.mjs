// Locks the packages of package.json again, without the name of any host. $1 is the path of npm.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const [npm] = process.argv.slice(2);
const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
const without = "--omit-lockfile-registry-resolved";
execFileSync(npm, ["install", "--package-lock-only", without, ...quiet], { stdio: "inherit" });

const path = "package-lock.json";
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const entry of Object.values(lock.packages)) delete entry.funding;
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
