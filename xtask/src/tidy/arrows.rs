//! The arrows: a crate depends on its own layer and lower ones, and no service on another service.
//!
//! What only tests use is exempt: a test may look at anything.

use super::{Crate, Problems};

/// The layer of the services, which never depend on one another.
const SERVICES: u64 = 4;

/// Crates without a layer: they are not part of the product.
const OUTSIDE: &[&str] = &["xtask"];

/// Checks the arrows between the workspace's crates.
pub fn check(crates: &[Crate], problems: &mut Problems) {
    for from in crates {
        if OUTSIDE.contains(&from.name.as_str()) {
            continue;
        }
        let Some(layer) = from.layer else {
            problems.push(format!(
                "{}/Cargo.toml: says no layer in [package.metadata.stepd]",
                from.folder
            ));
            continue;
        };
        for dependency in from
            .dependencies
            .iter()
            .filter(|dependency| dependency.ours)
        {
            let to = crates.iter().find(|other| other.name == dependency.name);
            if let Some(reason) = refusal(layer, to.and_then(|to| to.layer)) {
                problems.push(format!(
                    "{}/Cargo.toml: depends on {}, {reason}",
                    from.folder, dependency.name
                ));
            }
        }
    }
}

/// Returns why a crate of layer `from` may not depend on one of layer `to`.
fn refusal(from: u64, to: Option<u64>) -> Option<String> {
    match to {
        None => Some("which has no layer".to_owned()),
        Some(to) if to > from => Some(format!("which is higher: layer {from} on layer {to}")),
        Some(SERVICES) if from == SERVICES => {
            Some("another service; services meet in the gateway".to_owned())
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn arrows_point_down() {
        let cases = [
            (4, Some(3), true),
            (3, Some(3), true),
            (2, Some(4), false),
            (4, Some(4), false),
            (6, None, false),
            (6, Some(4), true),
            (5, Some(6), false),
        ];
        for (from, to, allowed) in cases {
            assert_eq!(
                refusal(from, to).is_none(),
                allowed,
                "layer {from} on {to:?}"
            );
        }
    }
}
