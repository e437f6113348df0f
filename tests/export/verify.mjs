// Runs `snarkjs groth16 verify` on the exported files in the folder given, which must pass, and on altered ones, which
// must not.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SCALAR_MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const FILES = ["verification_key.json", "public.json", "proof.json"];
const command = join(import.meta.dirname, "node_modules", "snarkjs", "build", "cli.cjs");
const exported = process.argv[2];

const plus = (signals, index, addend) => signals.with(index, String(BigInt(signals[index]) + addend));
const cases = {
  "the proof as exported": { passes: true },
  "the first input changed": { signals: (signals) => plus(signals, 0, 1n) },
  "the last input changed": { signals: (signals) => plus(signals, signals.length - 1, 1n) },
  "an input plus the modulus": { signals: (signals) => plus(signals, 1, SCALAR_MODULUS) },
  "the inputs reversed": { signals: (signals) => signals.toReversed() },
  "an input missing": { signals: (signals) => signals.slice(0, -1) },
  "an input too many": { signals: (signals) => [...signals, "0"] },
  "A and C swapped": { proof: (proof) => ({ ...proof, pi_a: proof.pi_c, pi_c: proof.pi_a }) },
  "A off the curve": { proof: (proof) => ({ ...proof, pi_a: ["1", "1", "1"] }) },
  "beta and gamma swapped": { key: (key) => ({ ...key, vk_beta_2: key.vk_gamma_2, vk_gamma_2: key.vk_beta_2 }) },
};

const same = (value) => value;
for (const [name, { passes = false, key = same, proof = same, signals = same }] of Object.entries(cases)) {
  const folder = mkdtempSync(join(exported, "case-"));
  const paths = [key, signals, proof].map((alter, index) => {
    const path = join(folder, FILES[index]);
    writeFileSync(path, JSON.stringify(alter(JSON.parse(readFileSync(join(exported, FILES[index]), "utf8")))));
    return path;
  });
  const { status, stdout } = spawnSync(process.execPath, [command, "groth16", "verify", ...paths], { encoding: "utf8" });
  const passed = status === 0 && stdout.includes("OK!");
  if (passed !== passes) throw new Error(`snarkjs ${passed ? "accepts" : "refuses"} ${name}:\n${stdout}`);
  console.log(`snarkjs ${passed ? "accepts" : "refuses"} ${name}`);
}
