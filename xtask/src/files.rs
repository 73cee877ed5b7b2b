//! The files of the project.

use std::path::{Path, PathBuf};

use crate::process::root;

/// A text file of the project.
#[derive(Debug)]
pub(crate) struct TextFile {
    /// From the root of the project, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every file of the project, sorted by path. What is not UTF-8, such as a picture, is there without text.
pub(crate) fn all() -> Result<Vec<TextFile>, String> {
    let root = root()?;
    let read = |path: PathBuf| {
        let text = String::from_utf8(std::fs::read(root.join(&path)).ok()?).unwrap_or_default();
        Some(TextFile { path: path.to_string_lossy().replace('\\', "/"), text })
    };
    Ok(paths(&root)?.into_iter().filter_map(read).collect())
}

/// Every file of the project, or of a copy of it, from `root`, sorted.
pub(crate) fn paths(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.sort();
    Ok(paths.iter().filter_map(|path| path.strip_prefix(root).ok()).map(PathBuf::from).collect())
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<(), String> {
    let unreadable = |error| format!("cannot list {}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match (FOREIGN.contains(&name.as_str()), path.is_dir()) {
            (true, _) => {}
            (false, true) => collect(&path, paths)?,
            (false, false) => paths.push(path),
        }
    }
    Ok(())
}

/// Folders (in a worktree, `.git` is a file) that hold nothing of ours.
const FOREIGN: [&str; 5] = [".git", "artifacts", "corpus", "node_modules", "target"];
