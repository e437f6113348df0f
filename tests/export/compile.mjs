// Compiles the Solidity file given and prints the creation code in hexadecimal. Any warning is an error.
import { readFileSync } from "node:fs";
import solc from "solc";

// EIP-170.
const RUNTIME_BYTES_MAX = 24_576;

const input = {
  language: "Solidity",
  sources: { contract: { content: readFileSync(process.argv[2], "utf8") } },
  settings: {
    evmVersion: "paris", // the oldest machine after the merge: every later one runs it
    optimizer: { enabled: true, runs: 10_000 },
    metadata: { appendCBOR: false, bytecodeHash: "none" }, // the code depends on the source alone
    outputSelection: { contract: { "*": ["evm.bytecode.object", "evm.deployedBytecode.object"] } },
  },
};
const { errors = [], contracts } = JSON.parse(solc.compile(JSON.stringify(input)));
if (errors.length > 0) throw new Error(errors.map((error) => error.formattedMessage).join("\n"));
const { bytecode, deployedBytecode } = contracts.contract.EligibilityVerifier.evm;
const bytes = deployedBytecode.object.length / 2;
console.error(`solc ${solc.version()}: ${bytes} bytes of ${RUNTIME_BYTES_MAX}`);
if (bytes > RUNTIME_BYTES_MAX) throw new Error("the contract is too long to be deployed");
console.log(bytecode.object);
