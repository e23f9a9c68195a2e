//! The workshop's page: a tutorial whose steps replace files and run commands.
//!
//! The page is no part of the project. Where it is at hand (`STEPD_SEED`), its own files are taken
//! out of it at run time and must run unchanged.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The page's name in the directory that `STEPD_SEED` names.
const PAGE: &str = "pausing-an-execution.md";

/// Returns the page, or `None` where it is not at hand.
pub fn seed() -> anyhow::Result<Option<Page>> {
    let folder = match std::env::var_os("STEPD_SEED") {
        Some(folder) => PathBuf::from(folder),
        None => crate::repository().join("../shared/seed"),
    };
    let path = folder.join(PAGE);
    if !path.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("could not read {}", path.display()))?;
    Ok(Some(Page::read(&text)))
}

/// What the page says to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Files to be replaced, in the page's order: path, content.
    pub files: Vec<(String, String)>,
    /// Commands to run.
    pub commands: Vec<String>,
}

impl Page {
    /// Reads the steps `Replace PATH with CONTENT` and the shell commands out of the page's text.
    pub fn read(text: &str) -> Self {
        let mut page = Self::default();
        let mut path = None;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some((_, rest)) = line.split_once("Replace `") {
                path = rest.split('`').next().map(str::to_owned);
            } else if line.starts_with("<textarea") {
                let first = line.split_once('>').map_or("", |(_, first)| first);
                let rest = lines.by_ref().take_while(|line| *line != "</textarea>");
                let content: String = std::iter::once(first)
                    .chain(rest)
                    .map(|line| format!("{line}\n"))
                    .collect();
                page.files.extend(path.take().map(|path| (path, content)));
            } else if line.starts_with("```bash") {
                let block = lines.by_ref().take_while(|line| *line != "```");
                page.commands.extend(
                    block
                        .map(|line| line.trim().to_owned())
                        .filter(|line| !line.is_empty()),
                );
            }
        }
        page
    }

    /// Writes the page's files below `folder`.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        for (path, content) in &self.files {
            let path = folder.join(path);
            let parent = path.parent().context("a file lies in a folder")?;
            std::fs::create_dir_all(parent)
                .with_context(|| format!("could not create {}", parent.display()))?;
            std::fs::write(&path, content)
                .with_context(|| format!("could not write {}", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn steps_are_read_from_a_page() {
        let text = "Step 1. Replace `a/b.js` with <span>this</span>\n\
                    <script>not this</script>\n\
                    <textarea id=\"x\" style=\"y: z;\">first\nsecond\n</textarea>\n\
                    Run:\n```bash\naws x --payload '{ \"a\": 1 }' \n```\n";
        let page = Page::read(text);
        assert_eq!(
            page.files,
            [("a/b.js".to_owned(), "first\nsecond\n".to_owned())]
        );
        assert_eq!(page.commands, ["aws x --payload '{ \"a\": 1 }'"]);
    }
}
