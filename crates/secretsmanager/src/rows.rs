//! Secrets as they are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vocab::Timestamp;

use crate::Core;

pub(crate) const CURRENT: &str = "AWSCURRENT";
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";
/// Most versions without a stage that are kept.
const UNSTAGED_MAX: usize = 100;

/// The row of a secret: `x/NAME`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Secret {
    pub name: String,
    /// What AWS adds to the name in the ARN.
    pub suffix: String,
    pub description: Option<String>,
    pub key_id: Option<String>,
    pub policy: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    /// When it was deleted, and until when it may come back.
    pub deleted_at: Option<(Timestamp, Timestamp)>,
    /// The oldest first.
    pub versions: Vec<Version>,
}

/// One version of a secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub id: String,
    pub stages: Vec<String>,
    pub created_at: Timestamp,
    /// Sealed.
    pub value: String,
    /// Whether the value is base64 of bytes.
    pub binary: bool,
}

pub(crate) fn key(name: &str) -> String {
    format!("x/{name}")
}

impl Secret {
    pub(crate) fn arn(&self, core: &Core) -> String {
        format!("{}{}-{}", core.arn_prefix(), self.name, self.suffix)
    }

    /// Says whether its window is over.
    pub(crate) fn is_gone(&self, now: Timestamp) -> bool {
        self.deleted_at.is_some_and(|(_, until)| until <= now)
    }

    pub(crate) fn staged(&self, stage: &str) -> Option<&Version> {
        self.versions
            .iter()
            .find(|version| version.stages.iter().any(|known| known == stage))
    }

    /// Puts a stage on a version alone. What was current is the one before.
    pub(crate) fn move_stage(&mut self, stage: &str, to: Option<&str>) {
        let before = self.staged(stage).map(|version| version.id.clone());
        for version in &mut self.versions {
            version.stages.retain(|known| known != stage);
            if Some(version.id.as_str()) == to {
                version.stages.push(stage.to_owned());
            }
        }
        if stage == CURRENT
            && let Some(before) = before.filter(|before| Some(before.as_str()) != to)
        {
            self.move_stage(PREVIOUS, Some(&before));
        }
        let unstaged = self
            .versions
            .iter()
            .filter(|version| version.stages.is_empty())
            .count();
        let mut over = unstaged.saturating_sub(UNSTAGED_MAX);
        self.versions.retain(|version| {
            let goes = over > 0 && version.stages.is_empty();
            over -= usize::from(goes);
            !goes
        });
    }
}
