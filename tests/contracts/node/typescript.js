// node typescript.js <openapi.json> <folder>: generates the TypeScript client as docs/clients.md says, and checks its
// types together with those of the example program. Whatever the generator or the compiler complains about fails.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@hey-api/openapi-ts";
import ts from "typescript";
import documented from "../../../docs/clients/openapi-ts.config.js";

const [input, folder] = process.argv.slice(2);
const complaints = [];
for (const level of ["warn", "error"]) console[level] = (...words) => complaints.push(words.join(" "));

await createClient({ ...documented, input, output: join(folder, "linli-client"), logs: { file: false, level: "warn" } });
const example = join(folder, "place_order.ts");
copyFileSync(new URL("../../../docs/examples/place_order.ts", import.meta.url), example);

const program = ts.createProgram([example], {
  strict: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: [],
});
for (const { file, start, messageText } of ts.getPreEmitDiagnostics(program)) {
  const line = file ? `${file.fileName}:${file.getLineAndCharacterOfPosition(start).line + 1}: ` : "";
  complaints.push(line + ts.flattenDiagnosticMessageText(messageText, "\n"));
}
if (complaints.length > 0) {
  process.stderr.write(complaints.join("\n") + "\n");
  process.exitCode = 1;
} else console.log(`${program.getSourceFiles().filter((one) => one.fileName.startsWith(folder)).length} files`);
