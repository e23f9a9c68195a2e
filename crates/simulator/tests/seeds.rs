//! Some seconds of the world, and that a seed tells the same story twice.

use simulator::{Troubles, run, shrunk};

/// Seeds of one test run; `cargo run -p simulator -- --seeds N` takes as many as there is time for.
const SEEDS: u64 = 2_000;

#[test]
fn worlds_hold() {
    let troubles = Troubles::default();
    for seed in 0..SEEDS {
        if run(seed, &troubles).is_err() {
            let (least, broken) = shrunk(seed, &troubles).expect("a seed fails twice");
            let story = broken.story.join("\n");
            panic!("seed {seed} with {least:?}\n{story}\n{}", broken.why);
        }
    }
}

#[test]
fn a_seed_is_one_run() {
    let troubles = Troubles::default();
    for seed in 0..20 {
        let tell = || run(seed, &troubles).map_err(|broken| broken.why);
        assert_eq!(tell(), tell(), "seed {seed}");
    }
}
