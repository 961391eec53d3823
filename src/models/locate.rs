//! The search path of model files.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What the search path depends on: environment variables and the location of the executable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `$XDG_DATA_HOME`.
    pub(crate) xdg_data_home: Option<OsString>,
    /// `$HOME`.
    pub(crate) home: Option<OsString>,
    /// Path of the running executable.
    pub(crate) binary: Option<PathBuf>,
}

impl Environment {
    /// The environment of this process.
    pub(crate) fn from_process() -> Self {
        Self {
            xdg_data_home: env::var_os("XDG_DATA_HOME"),
            home: env::var_os("HOME"),
            binary: env::current_exe().ok(),
        }
    }

    /// The user's models directory, `$XDG_DATA_HOME/facerec/models` or
    /// `~/.local/share/facerec/models`. A relative `$XDG_DATA_HOME` is ignored, as the XDG Base
    /// Directory Specification requires.
    pub(crate) fn user_directory(&self) -> Option<PathBuf> {
        let absolute =
            |value: &Option<OsString>| value.as_ref().map(PathBuf::from).filter(|p| p.is_absolute());
        let data = absolute(&self.xdg_data_home)
            .or_else(|| absolute(&self.home).map(|home| home.join(".local").join("share")))?;
        Some(data.join("facerec").join("models"))
    }

    /// The directories to search, in order: `--models`, the user's, `models` beside the executable, `models` of the
    /// package that the executable was built from.
    pub(crate) fn search_path(&self, explicit: Option<&Path>) -> Vec<PathBuf> {
        let beside = self.binary.as_deref().and_then(Path::parent).map(|directory| directory.join("models"));
        // Where the program was only copied to, the place of its build means nothing.
        let package = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("models")).filter(|path| path.is_dir());
        let mut directories: Vec<PathBuf> = Vec::new();
        for directory in [explicit.map(Path::to_path_buf), self.user_directory(), beside, package] {
            directories.extend(directory.filter(|directory| !directories.contains(directory)));
        }
        directories
    }
}

/// Path of `file` in the first directory that has it.
pub(crate) fn find(directories: &[PathBuf], file: &str) -> Option<PathBuf> {
    directories.iter().map(|directory| directory.join(file)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(xdg: Option<&str>, home: Option<&str>) -> Environment {
        Environment {
            xdg_data_home: xdg.map(Into::into),
            home: home.map(Into::into),
            binary: Some("/opt/facerec/facerec".into()),
        }
    }

    #[test]
    fn the_explicit_directory_comes_first() {
        let path = environment(Some("/data"), Some("/home/ada")).search_path(Some(Path::new("mine")));
        let package = concat!(env!("CARGO_MANIFEST_DIR"), "/models");
        assert_eq!(
            path,
            ["mine", "/data/facerec/models", "/opt/facerec/models", package].map(PathBuf::from).to_vec()
        );
    }

    #[test]
    fn a_directory_is_searched_once() {
        let path = environment(Some("/data"), None).search_path(Some(Path::new("/data/facerec/models")));
        assert_eq!(path.len(), 3);
    }

    #[test]
    fn the_user_directory_follows_the_xdg_specification() {
        let home = Some(PathBuf::from("/home/ada/.local/share/facerec/models"));
        assert_eq!(environment(None, Some("/home/ada")).user_directory(), home);
        assert_eq!(environment(Some(""), Some("/home/ada")).user_directory(), home);
        assert_eq!(environment(Some("relative"), Some("/home/ada")).user_directory(), home);
        assert_eq!(environment(Some("relative"), None).user_directory(), None);
    }
}
