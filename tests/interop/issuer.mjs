// An issuer of tokens for tests: node issuer.mjs PACKAGE SETTINGS, where SETTINGS is a JSON file
// with port, clients, and the life of a token in seconds.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${folder}/lib/index.js`));
const { port, clients, life } = JSON.parse(readFileSync(file));
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  scopes: ["store"],
  ttl: { ClientCredentials: () => life },
  clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => "urn:archive",
      getResourceServerInfo: () => ({ scope: "store", accessTokenFormat: "jwt", accessTokenTTL: life }),
    },
  },
});
provider.listen(port, "127.0.0.1");
