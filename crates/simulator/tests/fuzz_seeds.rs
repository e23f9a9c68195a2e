//! The targets of fuzzing over the inputs in `fuzz/seeds/`, and over broken and random ones near them.

use std::fs;
use std::path::Path;

use simulator::fuzz::{TARGETS, run};
use vocab::Entropy;

/// Inputs near each seed; a fuzzer takes as many as there is time for.
const NEIGHBOURS: u64 = 12;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("every target has seeds")
        .map(|entry| entry.expect("a seed can be listed").path())
        .collect();
    files.sort();
    let read = |file| fs::read(file).expect("a seed can be read");
    files.iter().map(read).collect()
}

/// Changes, drops or repeats some bytes.
fn neighbour(seed: &[u8], entropy: &mut Entropy) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=entropy.below(4) {
        let at = entropy.below(bytes.len() as u64 + 1) as usize;
        match entropy.below(4) {
            0 if at < bytes.len() => bytes[at] = entropy.below(256) as u8,
            1 => bytes.truncate(at),
            2 => bytes.insert(at, b"{}[]()'\"$@.*?:,\\0"[entropy.below(17) as usize]),
            _ => {
                let end = (at + 8).min(bytes.len());
                bytes.extend_from_within(at..end);
            }
        }
    }
    bytes
}

#[test]
fn targets_find_nothing_in_and_near_their_seeds() {
    for (target, _) in TARGETS {
        let mut entropy = Entropy::from_seed(1);
        for seed in seeds(target) {
            run(target, &seed);
            for _ in 0..NEIGHBOURS {
                run(target, &neighbour(&seed, &mut entropy));
            }
        }
    }
}

#[test]
fn the_interpreter_stands_random_bytes() {
    let mut entropy = Entropy::from_seed(2);
    for _ in 0..200 {
        let bytes: Vec<u8> = (0..300).map(|_| entropy.below(256) as u8).collect();
        run("interpreter", &bytes);
    }
}
