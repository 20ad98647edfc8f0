// node asyncapi.js <asyncapi.yaml>: the document as AsyncAPI's own parser reads it; errors and warnings fail.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const WARNING = 1; // of 0 error, 1 warning, 2 information, 3 hint

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const wrong = diagnostics.filter(({ severity }) => severity <= WARNING);
for (const { code, message, path } of wrong) console.error(`${path.join("/")}: ${code}: ${message}`);
if (!document || wrong.length > 0) process.exitCode = 1;
else console.log(`${document.allChannels().length} channels, ${document.allMessages().length} messages`);
