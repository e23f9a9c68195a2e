//! `simulator --seeds N [--from S] [--tell]`: runs so many worlds; the first that breaks a rule is told,
//! with `--tell` each.

use std::process::ExitCode;

use simulator::{Troubles, run, shrunk};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| match arguments.iter().position(|given| given == name) {
        None => Some(default),
        Some(at) => arguments.get(at + 1).and_then(|text| text.parse().ok()),
    };
    let (Some(seeds), Some(from)) = (number("--seeds", 1_000), number("--from", 0)) else {
        eprintln!("usage: simulator [--seeds N] [--from S]");
        return ExitCode::from(2);
    };
    let troubles = Troubles::default();
    let (mut commands, mut events, mut crashes, mut refused) = (0, 0, 0, 0);
    let (mut children, mut redrives) = (0, 0);
    let mut ends = std::collections::BTreeMap::new();
    for seed in from..from.saturating_add(seeds) {
        match run(seed, &troubles) {
            Ok(told) => {
                if arguments.iter().any(|given| given == "--tell") {
                    println!("{}\n", told.story.join("\n"));
                }
                commands += told.commands;
                events += told.events;
                crashes += told.crashes;
                refused += told.refused;
                children += told.children;
                redrives += told.redrives;
                *ends.entry(told.status.name()).or_insert(0u64) += 1;
            }
            Err(_) => return tell(seed, &troubles),
        }
    }
    println!(
        "{seeds} seeds held: {commands} commands ({refused} refused), {events} events, {children} children of map runs, {redrives} redrives, {crashes} crashes; {ends:?}"
    );
    ExitCode::SUCCESS
}

fn tell(seed: u64, troubles: &Troubles) -> ExitCode {
    match shrunk(seed, troubles) {
        None => println!("seed {seed} failed once and not again: the world is not deterministic"),
        Some((least, broken)) => {
            println!("{}", broken.story.join("\n"));
            println!(
                "\nseed {seed} breaks a rule: {}\nwith {least:?}",
                broken.why
            );
        }
    }
    ExitCode::FAILURE
}
