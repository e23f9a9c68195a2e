//! Which type of state has which field, and in which query language.
//!
//! The table is data that both languages share: what a field means is in the file of its state.

use crate::parse::fields::Fields;
use crate::parse::workflow::Language;

/// The types of state that have a field, one bit each.
type Kinds = u8;

const PASS: Kinds = 1;
const TASK: Kinds = 1 << 1;
const CHOICE: Kinds = 1 << 2;
const WAIT: Kinds = 1 << 3;
const SUCCEED: Kinds = 1 << 4;
const FAIL: Kinds = 1 << 5;
const PARALLEL: Kinds = 1 << 6;
const MAP: Kinds = 1 << 7;

const ANY: Kinds = Kinds::MAX;
/// States that something follows by a `Next` of their own.
const FOLLOWED: Kinds = PASS | TASK | WAIT | PARALLEL | MAP;
/// States that call or contain what can fail.
const TRIED: Kinds = TASK | PARALLEL | MAP;

/// The languages in which a field has a meaning.
#[derive(Clone, Copy)]
enum Spoken {
    Both,
    Only(Language),
}

use Spoken::{Both, Only};

const PATH: Spoken = Only(Language::JsonPath);
const JSONATA: Spoken = Only(Language::Jsonata);

const TABLE: [(&str, Kinds, Spoken); 48] = [
    ("Type", ANY, Both),
    ("Comment", ANY, Both),
    ("QueryLanguage", ANY, Both),
    ("Next", FOLLOWED, Both),
    ("End", FOLLOWED, Both),
    ("InputPath", ANY & !FAIL, PATH),
    ("OutputPath", ANY & !FAIL, PATH),
    ("Parameters", PASS | TRIED, PATH),
    ("ResultPath", PASS | TRIED, PATH),
    ("ResultSelector", TRIED, PATH),
    ("Result", PASS, PATH),
    ("Arguments", TASK | PARALLEL, JSONATA),
    ("Output", ANY & !FAIL, JSONATA),
    ("Assign", ANY & !(SUCCEED | FAIL), Both),
    ("Retry", TRIED, Both),
    ("Catch", TRIED, Both),
    ("Resource", TASK, Both),
    ("Credentials", TASK, Both),
    ("TimeoutSeconds", TASK, Both),
    ("TimeoutSecondsPath", TASK, PATH),
    ("HeartbeatSeconds", TASK, Both),
    ("HeartbeatSecondsPath", TASK, PATH),
    ("Choices", CHOICE, Both),
    ("Default", CHOICE, Both),
    ("Seconds", WAIT, Both),
    ("SecondsPath", WAIT, PATH),
    ("Timestamp", WAIT, Both),
    ("TimestampPath", WAIT, PATH),
    ("Error", FAIL, Both),
    ("ErrorPath", FAIL, PATH),
    ("Cause", FAIL, Both),
    ("CausePath", FAIL, PATH),
    ("Branches", PARALLEL, Both),
    ("ItemProcessor", MAP, Both),
    ("Iterator", MAP, Both),
    ("Items", MAP, JSONATA),
    ("ItemsPath", MAP, PATH),
    ("ItemSelector", MAP, Both),
    ("MaxConcurrency", MAP, Both),
    ("MaxConcurrencyPath", MAP, PATH),
    ("ItemReader", MAP, Both),
    ("ItemBatcher", MAP, Both),
    ("ResultWriter", MAP, Both),
    ("Label", MAP, Both),
    ("ToleratedFailureCount", MAP, Both),
    ("ToleratedFailureCountPath", MAP, PATH),
    ("ToleratedFailurePercentage", MAP, Both),
    ("ToleratedFailurePercentagePath", MAP, PATH),
];

/// Reports the fields that a state of this type does not have, or not in its language.
pub(crate) fn check(kind: &str, language: Language, fields: &Fields<'_>) {
    let kind = bit(kind);
    for name in fields.names() {
        let row = TABLE.iter().find(|(known, ..)| *known == name);
        match row {
            Some((_, kinds, _)) if kinds & kind == 0 => refuse_unknown(fields, name),
            Some((.., Only(spoken))) if *spoken != language => {
                refuse_language(fields, name, language);
            }
            Some(_) => {}
            None => refuse_unknown(fields, name),
        }
    }
}

fn bit(kind: &str) -> Kinds {
    match kind {
        "Pass" => PASS,
        "Task" => TASK,
        "Choice" => CHOICE,
        "Wait" => WAIT,
        "Succeed" => SUCCEED,
        "Fail" => FAIL,
        "Parallel" => PARALLEL,
        _ => MAP,
    }
}

/// Reports a field that the object does not have; AWS names the owner, not the field, as the place.
pub(crate) fn refuse_unknown(fields: &Fields<'_>, name: &str) {
    fields.refuse(format!("Field '{name}' is not supported"));
}

/// Reports a field of the other language.
pub(crate) fn refuse_language(fields: &Fields<'_>, name: &str, language: Language) {
    let (own, other) = match language {
        Language::JsonPath => ("JSONPath", "JSONata"),
        Language::Jsonata => ("JSONata", "JSONPath"),
    };
    fields.refuse(format!(
        "The QueryLanguage is set to '{own}', but field '{name}' is only supported for the '{other}' QueryLanguage"
    ));
}

/// Reports the fields that the object does not have, and those of the other language.
pub(crate) fn check_fields(
    fields: &Fields<'_>,
    language: Language,
    both: &[&[&str]],
    json_path: &[&str],
    jsonata: &[&str],
) {
    let other = match language {
        Language::JsonPath => jsonata,
        Language::Jsonata => json_path,
    };
    for name in fields.names() {
        if other.contains(&name) {
            refuse_language(fields, name, language);
        } else if !json_path.contains(&name)
            && !jsonata.contains(&name)
            && !both.iter().any(|list| list.contains(&name))
        {
            refuse_unknown(fields, name);
        }
    }
}
