//! The AWS command line's own files, `config` and `credentials`: one profile is set, everything else in them
//! stays as it is, letter for letter.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Stands in every section that is written here, so that no other is ever written over unasked.
const MARK: &str = "# Written by `stepd login`.";

/// What says whose keys are used or where calls go: none of it may be left of an earlier profile.
const DECIDING: [&str; 20] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
    "aws_account_id",
    "ca_bundle",
    "cli_binary_format",
    "credential_process",
    "credential_source",
    "disable_host_prefix_injection",
    "endpoint_url",
    "external_id",
    "ignore_configured_endpoint_urls",
    "mfa_serial",
    "region",
    "role_arn",
    "role_session_name",
    "services",
    "source_profile",
    "web_identity_token_file",
];

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `~/.aws/config`, whose sections say `profile`.
    Config,
    /// `~/.aws/credentials`.
    Credentials,
}

impl Kind {
    /// Returns where the file is: where its variable says, else in `~/.aws`.
    ///
    /// # Errors
    /// When nothing says where this user's files are.
    pub fn path(self) -> anyhow::Result<PathBuf> {
        let (variable, name) = match self {
            Self::Config => ("AWS_CONFIG_FILE", "config"),
            Self::Credentials => ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        };
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let said = std::env::var_os(variable).filter(|said| !said.is_empty());
        let Some(said) = said else {
            let home = home.with_context(|| {
                format!("there is no home directory: say where the file is with {variable}")
            })?;
            return Ok(home.join(".aws").join(name));
        };
        let said = PathBuf::from(said);
        Ok(match (said.strip_prefix("~"), home) {
            (Ok(below), Some(home)) => home.join(below),
            _ => said,
        })
    }

    /// Returns how a section of the profile begins.
    pub fn header(self, profile: &str) -> String {
        match self {
            Self::Config if profile != "default" => format!("[profile {profile}]"),
            Self::Config | Self::Credentials => format!("[{profile}]"),
        }
    }

    fn is_header(self, line: &str, profile: &str) -> bool {
        let Some(inside) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
            return false;
        };
        let inside = inside.0.trim();
        let name = match (self, inside.strip_prefix("profile")) {
            (Self::Config, Some(name)) if name.starts_with([' ', '\t']) => name.trim(),
            (Self::Config, _) if inside != "default" => return false,
            (Self::Config | Self::Credentials, _) => inside,
        };
        name.trim_matches(['"', '\'']) == profile
    }
}

/// A file as it was read.
pub struct ProfileFile {
    kind: Kind,
    path: PathBuf,
    text: String,
}

impl ProfileFile {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// When it cannot be read or is not text.
    pub fn read(kind: Kind, path: PathBuf) -> anyhow::Result<Self> {
        // A link stays a link: what it leads to is written.
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        let text = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8(bytes)
                .with_context(|| format!("{} is not UTF-8", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        };
        Ok(Self { kind, path, text })
    }

    /// Returns where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the profile says under `name`.
    pub fn get(&self, profile: &str, name: &str) -> Option<String> {
        let lines: Vec<&str> = self.text.split('\n').collect();
        let (from, to) = self.section(&lines, profile)?;
        let entry = lines[from + 1..to].iter().filter_map(|line| entry(line));
        let mut found = entry.filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.to_owned())
    }

    /// Says whether there is a profile of this name that somebody else wrote.
    pub fn is_foreign(&self, profile: &str) -> bool {
        let lines: Vec<&str> = self.text.split('\n').collect();
        let section = self.section(&lines, profile);
        section.is_some_and(|(from, to)| !lines[from..to].iter().any(|line| line.trim() == MARK))
    }

    /// Sets the profile to `entries`. What else it says stays, but for what decides keys and addresses.
    pub fn set(&mut self, profile: &str, entries: &[(&str, &str)]) {
        let ours = entries
            .iter()
            .map(|(name, value)| format!("{name} = {value}"));
        let lines: Vec<&str> = self.text.split('\n').collect();
        let Some((from, to)) = self.section(&lines, profile) else {
            let mut text = self.text.clone();
            if !text.is_empty() {
                let gap = if text.ends_with('\n') { "\n" } else { "\n\n" };
                text.push_str(gap);
            }
            text.push_str(&self.kind.header(profile));
            for line in std::iter::once(MARK.to_owned()).chain(ours) {
                text.push('\n');
                text.push_str(&line);
            }
            text.push('\n');
            self.text = text;
            return;
        };
        let mut kept: Vec<String> = lines[..=from].iter().map(|line| (*line).into()).collect();
        kept.push(MARK.to_owned());
        kept.extend(ours);
        let mut leaving = false;
        for line in &lines[from + 1..to] {
            // What is indented belongs to the entry above it.
            let below = line.starts_with([' ', '\t']) && !line.trim().is_empty();
            leaving = match entry(line) {
                _ if below => leaving,
                Some((name, _)) => {
                    DECIDING.contains(&name.as_str())
                        || name.starts_with("sso_")
                        || entries.iter().any(|(ours, _)| *ours == name)
                }
                None => line.trim() == MARK,
            };
            if !leaving {
                kept.push((*line).to_owned());
            }
        }
        kept.extend(lines[to..].iter().map(|line| (*line).to_owned()));
        self.text = kept.join("\n");
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Returns the line of the profile's header and the line behind its section.
    fn section(&self, lines: &[&str], profile: &str) -> Option<(usize, usize)> {
        let from = lines
            .iter()
            .position(|line| self.kind.is_header(line.trim_end(), profile))?;
        let next = lines[from + 1..].iter().position(|line| {
            let line = line.trim_end();
            line.starts_with('[') && line.contains(']')
        });
        Some((from, next.map_or(lines.len(), |next| from + 1 + next)))
    }

    /// Writes the file, whole or not at all, for its owner alone.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn write(&self) -> anyhow::Result<()> {
        let shown = self.path.display();
        let Some(folder) = self
            .path
            .parent()
            .filter(|_| self.path.file_name().is_some())
        else {
            bail!("{shown} is not the path of a file");
        };
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let written = || -> std::io::Result<()> {
            builder.create(folder)?;
            // Such a file is its owner's alone from the beginning.
            let mut new = tempfile::NamedTempFile::new_in(folder)?;
            new.write_all(self.text.as_bytes())?;
            new.as_file().sync_all()?;
            new.persist(&self.path).map_err(|error| error.error)?;
            std::fs::File::open(folder)?.sync_all()
        };
        written().with_context(|| format!("{shown} cannot be written"))
    }
}

/// Returns the name, in small letters, and the value of a line that has them.
fn entry(line: &str) -> Option<(String, &str)> {
    let text = line.trim();
    if line.starts_with([' ', '\t']) || text.is_empty() || text.starts_with(['#', ';']) {
        return None;
    }
    let at = text.find(['=', ':'])?;
    let name = text[..at].trim().to_ascii_lowercase();
    Some((name, text[at + 1..].trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: [(&str, &str); 2] = [("region", "us-east-1"), ("endpoint_url", "http://e")];

    fn set(kind: Kind, profile: &str, before: &str) -> String {
        let mut file = ProfileFile {
            kind,
            path: PathBuf::new(),
            text: before.to_owned(),
        };
        file.set(profile, &ENTRIES);
        let once = file.text.clone();
        file.set(profile, &ENTRIES);
        assert_eq!(file.text, once, "twice is once: {before:?}");
        assert!(!file.is_foreign(profile));
        assert_eq!(
            file.get(profile, "endpoint_url").as_deref(),
            Some("http://e")
        );
        once
    }

    #[test]
    fn one_profile_is_set_and_the_rest_stays() {
        let ours = format!("{MARK}\nregion = us-east-1\nendpoint_url = http://e\n");
        let other = "# mine\n[default]\nregion=eu-west-1\n\n[profile work]\nrole_arn = r\ns3 =\n  addressing_style = path\n";
        let cases = [
            ("s", "", format!("[profile s]\n{ours}")),
            ("default", "", format!("[default]\n{ours}")),
            ("s", other, format!("{other}\n[profile s]\n{ours}")),
            ("s", "[a]", format!("[a]\n\n[profile s]\n{ours}")),
            (
                "s",
                "[profile s]\nREGION: x\noutput = json\nrole_arn = r\nservices = v\n# note\n[services v]\nsqs =\n  endpoint_url = u\n",
                format!(
                    "[profile s]\n{ours}output = json\n# note\n[services v]\nsqs =\n  endpoint_url = u\n"
                ),
            ),
            (
                "s",
                "[ profile \"s\" ]\nservices =\n  x = y\ns3 =\n  a = b",
                format!("[ profile \"s\" ]\n{ours}s3 =\n  a = b\n"),
            ),
            (
                "s",
                "[s]\nsso_session = x\n[profiles]\n",
                format!("[s]\nsso_session = x\n[profiles]\n\n[profile s]\n{ours}"),
            ),
        ];
        for (profile, before, after) in cases {
            assert_eq!(set(Kind::Config, profile, before), after, "{before:?}");
        }
        assert_eq!(
            set(
                Kind::Credentials,
                "s",
                "[s]\naws_access_key_id = A\n[t]\naws_access_key_id = B\n"
            ),
            format!("[s]\n{ours}[t]\naws_access_key_id = B\n")
        );
    }

    #[test]
    fn what_others_wrote_is_known() {
        for (text, foreign) in [
            ("", false),
            ("[profile s]\nregion = x\n", true),
            (
                "[profile s]\nregion = x\n[profile t]\n# Written by `stepd login`.\n",
                true,
            ),
            (
                "[profile s]\n# Written by `stepd login`.\nregion = x\n",
                false,
            ),
        ] {
            let file = ProfileFile {
                kind: Kind::Config,
                path: PathBuf::new(),
                text: text.to_owned(),
            };
            assert_eq!(file.is_foreign("s"), foreign, "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_nobody_else_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("real");
        std::fs::write(&target, "[a]\n").expect("writes");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&target, &link).expect("links");
        let mut file = ProfileFile::read(Kind::Credentials, link.clone()).expect("reads");
        file.set("s", &ENTRIES);
        file.write().expect("writes");
        assert!(
            std::fs::symlink_metadata(&link)
                .expect("is there")
                .is_symlink()
        );
        let mode = std::fs::metadata(&target).expect("is there").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&target).expect("reads");
        assert!(text.starts_with("[a]\n\n[s]\n"), "{text}");
    }
}
