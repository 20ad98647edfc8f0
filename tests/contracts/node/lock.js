// npm run lock: what npm writes, without the pages of sponsors, so that no host stands in the lock.
import { readFileSync, writeFileSync } from "node:fs";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
for (const one of Object.values(lock.packages)) for (const address of ["funding", "resolved"]) delete one[address];
writeFileSync("package-lock.json", JSON.stringify(lock, null, 2) + "\n");
