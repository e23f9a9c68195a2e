//! `GetRandomPassword`.

use serde_json::{Value, json};
use service::{Failure, Members};

use crate::failure;

/// Longest password.
const LENGTH_MAX: i64 = 4096;

pub(crate) fn call(input: &Members) -> Result<Value, Failure> {
    let length = input.integer("PasswordLength")?.unwrap_or(32);
    if !(1..=LENGTH_MAX).contains(&length) {
        return Err(failure::invalid(
            "Password length must be between 1 and 4096 characters.",
        ));
    }
    let without = |name: &str| input.flag(name) == Some(true);
    let excluded = input.text("ExcludeCharacters").unwrap_or_default();
    let kinds = [
        ("ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"),
        ("ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("ExcludeNumbers", "0123456789"),
        ("ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    ];
    let mut kinds: Vec<Vec<char>> = kinds
        .iter()
        .filter(|(exclude, _)| !without(exclude))
        .map(|(_, letters)| {
            letters
                .chars()
                .filter(|letter| !excluded.contains(*letter))
                .collect()
        })
        .collect();
    kinds.retain(|kind| !kind.is_empty());
    let mut all: Vec<char> = kinds.concat();
    if without("IncludeSpace") && !excluded.contains(' ') {
        all.push(' ');
    }
    if all.is_empty() {
        return Err(failure::invalid(
            "There are no characters left to make a password of.",
        ));
    }
    let draw = |from: &[char]| from[rand::random_range(0..from.len())];
    let length = usize::try_from(length).unwrap_or(1);
    let each = input.flag("RequireEachIncludedType") != Some(false);
    if each && length < kinds.len() {
        return Err(failure::invalid(
            "Password length is too short based on the required types.",
        ));
    }
    let mut password: Vec<char> = (0..length).map(|_| draw(&all)).collect();
    if each {
        // One of each kind, each in a place of its own.
        let mut places: Vec<usize> = (0..length).collect();
        for kind in &kinds {
            let place = places.swap_remove(rand::random_range(0..places.len()));
            password[place] = draw(kind);
        }
    }
    Ok(json!({"RandomPassword": password.into_iter().collect::<String>()}))
}
