//! The binary over mutated input files of all kinds: documented exit codes, no panic, a second of CPU time and
//! 512 MiB at most.

use super::place::VARIABLES;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Exit codes of `CONTRIBUTING.md`, without that of an internal error.
const DOCUMENTED: [i32; 10] = [0, 2, 3, 4, 5, 10, 11, 12, 20, 21];

/// Kinds of input, and the commands that read them: `{}` is the file.
const COMMANDS: [(&str, &[&str]); 11] = [
    (
        "plan",
        &[
            "plan preview {}",
            "plan check {} --dataset mixed",
            "plan export {} --out x.yaml",
            "run --plan {} --resources 20 --strategy hybrid",
            "run --plan {} --resources 5 --strategy pipelined",
        ],
    ),
    ("python", &["plan import {}.yaml --out x.toml", "plan import {}.json --out y.toml"]),
    ("csv", &["plan import {}.csv --out x.toml"]),
    (
        "ids",
        &[
            "run --resource-ids @{} --resources 50 --sample 20 --mappings 1 --strategy hybrid --dry-run",
        ],
    ),
    (
        "profile",
        &[
            "profile check ./{}",
            "run --profile ./{} --resources 5 --mappings 1 --strategy hybrid",
            "run --profile ./{} --resources 5 --mappings 1 --strategy standard",
        ],
    ),
    (
        "dataset",
        &[
            "dataset describe ./{} --resources 20",
            "run --dataset ./{} --resources 5 --mappings 1 --strategy hybrid",
        ],
    ),
    ("fields", &["dataset import --custom-fields {}", "plan check p.toml --custom-fields {}"]),
    ("scenario", &["run --scenario ./{} --resources 5 --strategy hybrid"]),
    ("thresholds", &["run --thresholds {} --resources 3 --mappings 1 --strategy hybrid"]),
    ("har", &["fit {}"]),
    ("hlog", &["profile check h.toml"]),
];

/// Texts that numbers and words are replaced by.
const HOSTILE: [&str; 24] = [
    "0",
    "-1",
    "1e-12",
    "5e-324",
    "1e308",
    "nan",
    "inf",
    "-inf",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "9223372036854775808",
    "0x7fffffff",
    "\"200000years\"",
    "\"1e9s\"",
    "\"\"",
    "[]",
    "{}",
    "null",
    "true",
    "1-9999999",
    "\u{feff}",
    "\"\\u0000\"",
    "é🌻",
];

/// `SplitMix64`: a sequence that its seed decides.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) as usize % bound.max(1)
    }

    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(bytes.len());
        start..(start + self.below(40)).min(bytes.len())
    }
}

/// One to four changes of `bytes`.
fn mutated(mut bytes: Vec<u8>, other: &[u8], draws: &mut Draws) -> Vec<u8> {
    for _ in 0..=draws.below(4) {
        match draws.below(8) {
            0 => {
                let at = draws.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << draws.below(8);
                }
            }
            1 => {
                let range = draws.range(&bytes);
                bytes.drain(range);
            }
            2 => {
                let range = draws.range(&bytes);
                let part = bytes[range.clone()].repeat(1 + draws.below(50));
                bytes.splice(range, part);
            }
            3 => {
                let part = other[draws.range(other)].to_vec();
                let range = draws.range(&bytes);
                bytes.splice(range, part);
            }
            4 => bytes.truncate(draws.below(bytes.len())),
            // A value behind a sign of assignment, up to the end of the line or the next separator.
            _ => {
                let signs: Vec<usize> = (0..bytes.len())
                    .filter(|&at| matches!(bytes[at], b'=' | b':' | b','))
                    .collect();
                let Some(&sign) = signs.get(draws.below(signs.len())) else { continue };
                let is_end = |byte: &u8| matches!(byte, b'\n' | b',' | b'}' | b']');
                let end = bytes[sign + 1..]
                    .iter()
                    .position(is_end)
                    .map_or(bytes.len(), |it| sign + 1 + it);
                bytes.splice(sign + 1..end, HOSTILE[draws.below(HOSTILE.len())].bytes());
            }
        }
    }
    bytes
}

fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(kind);
    let mut inputs: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    inputs.sort();
    inputs.iter().map(|input| fs::read(input).unwrap()).collect()
}

/// Exit code of the binary under limits of CPU time and memory, and what it said.
fn limited(folder: &Path, line: &str) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command.current_dir(folder).stdin(Stdio::null()).env("MALLOC_ARENA_MAX", "1");
    let binary = env!("CARGO_BIN_EXE_neonbench");
    command.args(["-c", &format!("ulimit -t 1; ulimit -v 524288; exec {binary} {line}")]);
    for name in VARIABLES {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
#[ignore = "20,000 executions of the binary; .ci/long runs it"]
fn the_binary_over_mutated_files() {
    let executions: usize =
        std::env::var("NEONBENCH_EXECUTIONS").map_or(20_000, |text| text.parse().unwrap());
    let seed = std::env::var("NEONBENCH_SEED").map_or(1, |text| text.parse().unwrap());
    let (folder, mut draws) = (tempfile::tempdir().unwrap(), Draws(seed));
    let here = folder.path();
    fs::write(here.join("p.toml"), "schema = 1\n[[mappings]]\nsource = \"Skills\"\ntarget = \"Notes\"\noperation = \"replace\"\n").unwrap();
    let constant = "{ law = \"constant\", time = \"1ms\" }";
    let profile = format!(
        "schema = 1\n[service]\nget = {{ law = \"empirical\", histogram = \"input\" }}\npatch = {constant}\n\
         put = {constant}\nsearch = {constant}\nmetadata = {constant}\n"
    );
    let corpora: Vec<Vec<Vec<u8>>> = COMMANDS.iter().map(|(kind, _)| corpus(kind)).collect();
    let mut codes = std::collections::BTreeMap::new();
    for execution in 0..executions {
        let place = execution % COMMANDS.len();
        let ((kind, lines), inputs) = (COMMANDS[place], &corpora[place]);
        let seed = inputs[draws.below(inputs.len())].clone();
        let other = &inputs[draws.below(inputs.len())];
        let input = mutated(seed, other, &mut draws);
        let line = lines[draws.below(lines.len())];
        let extension = line.split_once("{}.").map(|(_, rest)| rest.split(' ').next().unwrap());
        let name = match (kind, extension) {
            ("hlog", _) => ["input.hlog", "input.csv"][draws.below(2)].to_owned(),
            (_, Some(extension)) => format!("input.{extension}"),
            _ if input.starts_with(b"{") && kind == "plan" => "input.json".to_owned(),
            _ => "input.toml".to_owned(),
        };
        fs::write(here.join(&name), &input).unwrap();
        fs::write(here.join("h.toml"), profile.replace("\"input\"", &format!("\"{name}\"")))
            .unwrap();
        let mut line = match extension {
            Some(extension) => line.replace(&format!("{{}}.{extension}"), &name),
            None => line.replace("{}", &name),
        };
        if line.starts_with("run ") {
            line += " --no-store -q";
        }
        let (code, said) = limited(here, &line);
        let is_documented = code.is_some_and(|code| DOCUMENTED.contains(&code));
        if !is_documented || said.contains("panicked") {
            let kept = std::env::temp_dir()
                .join(format!("neonbench-mutated-{seed}-{execution}", seed = draws.0));
            fs::write(&kept, &input).unwrap();
            panic!("{line}: exit {code:?}, input kept as {} ({name}): {said}", kept.display());
        }
        *codes.entry(code).or_insert(0) += 1;
        if (execution + 1) % 1_000 == 0 {
            println!("{} executions: {codes:?}", execution + 1);
        }
    }
}
