//! Where a function finds what its layers hold. On AWS they are merged into `/opt`; here each stays in a
//! folder of its own, and the paths that runtimes search name them all, the last layer first.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::code::CodeStore;
use crate::function::Function;

/// The folders of a function's layers: the last, which would lie over the others in `/opt`, is first.
pub struct LayerFolders(Vec<PathBuf>);

impl LayerFolders {
    /// Returns the folders of `function`'s layers.
    pub fn of(function: &Function, code: &CodeStore) -> Self {
        let layers = function.layers.iter().rev();
        Self(layers.map(|layer| code.path(&layer.code_hash)).collect())
    }

    /// Returns `name` in every layer that has it.
    pub fn files(&self, name: &str) -> Vec<PathBuf> {
        let all = self.0.iter().map(|layer| layer.join(name));
        all.filter(|path| path.exists()).collect()
    }

    /// Returns where Node.js of a version searches modules.
    pub fn node_modules(&self, major: u32) -> Vec<PathBuf> {
        let mut all = self.files(&format!("nodejs/node{major}/node_modules"));
        all.extend(self.files("nodejs/node_modules"));
        all
    }

    /// Returns where Python of a runtime searches modules.
    pub fn python_packages(&self, runtime: &str) -> Vec<PathBuf> {
        let mut all = self.files(&format!("python/lib/{runtime}/site-packages"));
        all.extend(self.files("python"));
        all
    }

    /// Returns a search path with the folders `name` behind it.
    pub fn behind(&self, path: OsString, name: &str) -> OsString {
        let folders = self.files(name);
        if folders.is_empty() {
            return path;
        }
        let mut whole = path;
        whole.push(":");
        whole.push(joined(&folders));
        whole
    }
}

/// Returns folders as a search path. The names of folders of code are hexadecimal, and the data
/// directory's name has no colon where functions work at all.
pub fn joined(folders: &[PathBuf]) -> OsString {
    let mut whole = OsString::new();
    for (at, folder) in folders.iter().enumerate() {
        if at > 0 {
            whole.push(":");
        }
        whole.push(folder);
    }
    whole
}
