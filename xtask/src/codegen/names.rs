//! Names of the model in Rust's spellings.

/// Splits `KMSKeyArn`, `stateMachineArn`, `TIMED_OUT` or `nodejs12.x` into words.
pub(super) fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let (mut words, mut word) = (Vec::new(), String::new());
    for (index, letter) in letters.iter().copied().enumerate() {
        let before = index.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(index + 1).copied();
        let starts = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                !before.is_ascii_uppercase()
                    || after.is_some_and(|after| after.is_ascii_lowercase())
            });
        if (starts || !letter.is_ascii_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_ascii_alphanumeric() {
            word.push(letter.to_ascii_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

pub(super) fn constant(name: &str) -> String {
    words(name).join("_").to_ascii_uppercase()
}

pub(super) fn snake(name: &str) -> String {
    let snake = words(name).join("_");
    let keyword = matches!(
        snake.as_str(),
        "type" | "static" | "match" | "move" | "ref" | "use" | "where" | "enum"
    );
    if keyword { format!("r#{snake}") } else { snake }
}

pub(super) fn variant(value: &str) -> String {
    let mut out = String::new();
    for word in words(value) {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    if out.starts_with(|first: char| first.is_ascii_digit()) {
        format!("V{out}")
    } else {
        out
    }
}
