//! Access keys of users. The secret is told once, and kept nowhere.

use serde_json::{Value, json};
use service::Failure;

use crate::failure;
use crate::input::{draw_id, moment};
use crate::rows::{AccessKey, Identity};
use crate::{Answer, Ask};

const KEYS_MAX: usize = 2;

pub(crate) fn create(ask: &mut Ask<'_>) -> Answer {
    let mut user = ask.user_or_caller()?;
    if user.keys.len() >= KEYS_MAX {
        return Err(failure::limit(format!(
            "Cannot exceed quota for AccessKeysPerUser: {KEYS_MAX}"
        )));
    }
    let key = AccessKey {
        id: draw_id("AKIA", 16),
        active: true,
        created_at: ask.now,
    };
    let answer = json!({"AccessKey": {
        "UserName": user.name,
        "AccessKeyId": key.id,
        "Status": "Active",
        "SecretAccessKey": (ask.secret_of)(&key.id),
        "CreateDate": moment(key.created_at),
    }});
    user.keys.push(key);
    ask.put(user);
    Ok(answer)
}

pub(crate) fn list(ask: &mut Ask<'_>) -> Answer {
    let user = ask.user_or_caller()?;
    let keys = user.keys.iter().map(|key| {
        let shown = json!({
            "UserName": user.name,
            "AccessKeyId": key.id,
            "Status": if key.active { "Active" } else { "Inactive" },
            "CreateDate": moment(key.created_at),
        });
        (key.id.clone(), shown)
    });
    let mut keys: Vec<(String, Value)> = keys.collect();
    keys.sort_by(|(a, _), (b, _)| a.cmp(b));
    ask.input.page("AccessKeyMetadata", keys)
}

/// Returns the user with the key that the input names, and the key's place.
fn find(ask: &Ask<'_>) -> Result<(Identity, usize), Failure> {
    let user = ask.user_or_caller()?;
    let id = ask.input.required("AccessKeyId")?;
    let at = user.keys.iter().position(|key| key.id == id);
    let at =
        at.ok_or_else(|| failure::absent(format!("The Access Key with id {id} cannot be found.")))?;
    Ok((user, at))
}

pub(crate) fn update(ask: &mut Ask<'_>) -> Answer {
    let (mut user, at) = find(ask)?;
    user.keys[at].active = match ask.input.required("Status")? {
        "Active" => true,
        "Inactive" => false,
        other => {
            return Err(failure::invalid(format!(
                "1 validation error detected: Value '{other}' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]"
            )));
        }
    };
    ask.put(user);
    Ok(Value::Null)
}

pub(crate) fn delete(ask: &mut Ask<'_>) -> Answer {
    let (mut user, at) = find(ask)?;
    user.keys.remove(at);
    ask.put(user);
    Ok(Value::Null)
}
