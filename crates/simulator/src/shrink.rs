//! Makes a failing run small: the same seed with as little trouble as still fails.

use crate::told::{Broken, Troubles};
use crate::world::run;

/// Returns the least trouble under which `seed` still breaks a rule, and how.
pub fn shrunk(seed: u64, troubles: &Troubles) -> Option<(Troubles, Broken)> {
    let mut least = *troubles;
    let mut broken = run(seed, &least).err()?;
    let reductions: [fn(&mut Troubles); 10] = [
        |troubles| troubles.crashes = false,
        |troubles| troubles.messages = false,
        |troubles| troubles.clock = false,
        |troubles| troubles.stops = false,
        |troubles| troubles.redrives = false,
        |troubles| troubles.failures = false,
        |troubles| troubles.size.depth = troubles.size.depth.saturating_sub(1),
        |troubles| troubles.size.states = (troubles.size.states - 1).max(1),
        |troubles| troubles.storm /= 2,
        |troubles| troubles.storm = troubles.storm.saturating_sub(5),
    ];
    // Each reduction is tried again while any of them helps; each can help only so often.
    for _ in 0..32 {
        let mut helped = false;
        for reduce in reductions {
            let mut less = least;
            reduce(&mut less);
            if size(&less) < size(&least)
                && let Err(smaller) = run(seed, &less)
            {
                (least, broken, helped) = (less, smaller, true);
            }
        }
        if !helped {
            break;
        }
    }
    Some((least, broken))
}

fn size(troubles: &Troubles) -> u64 {
    let Troubles {
        size,
        storm,
        crashes,
        messages,
        clock,
        failures,
        stops,
        redrives,
    } = troubles;
    let switches = [crashes, messages, clock, failures, stops, redrives];
    let on = switches.iter().filter(|switch| ***switch).count() as u64;
    u64::from(*storm) + size.states + u64::from(size.depth) + on
}
