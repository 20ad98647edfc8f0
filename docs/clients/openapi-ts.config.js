// npx @hey-api/openapi-ts@0.99.0 -f openapi-ts.config.js — see docs/clients.md.
export default {
  input: "http://127.0.0.1:8000/v1/openapi.json",
  output: "linli-client",
  parser: {
    patch: {
      // rounds_close → rounds.close: the collection is a property of the client, the verb its method.
      operations: (method, path, operation) => {
        const [tag] = operation.tags;
        operation.operationId = `${tag}.${operation.operationId.slice(tag.length + 1)}`;
      },
    },
  },
  plugins: [
    "@hey-api/typescript",
    "@hey-api/client-fetch",
    { name: "@hey-api/sdk", operations: { strategy: "single", containerName: "Linli" } },
  ],
};
