//! Where the networks' files lie.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The places that depend on the process: environment and location of the binary.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    /// `$XDG_DATA_HOME`.
    pub(crate) xdg_data_home: Option<OsString>,
    /// `$HOME`.
    pub(crate) home: Option<OsString>,
    /// The running binary.
    pub(crate) binary: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn of_this_process() -> Self {
        Self {
            xdg_data_home: env::var_os("XDG_DATA_HOME"),
            home: env::var_os("HOME"),
            binary: env::current_exe().ok(),
        }
    }

    /// The user's own models folder, `$XDG_DATA_HOME/facerec/models` or
    /// `~/.local/share/facerec/models`. A relative `$XDG_DATA_HOME` is ignored, as the XDG base
    /// directory specification demands.
    pub(crate) fn user_folder(&self) -> Option<PathBuf> {
        let absolute =
            |value: &Option<OsString>| value.as_ref().map(PathBuf::from).filter(|p| p.is_absolute());
        let data = absolute(&self.xdg_data_home)
            .or_else(|| absolute(&self.home).map(|home| home.join(".local").join("share")))?;
        Some(data.join("facerec").join("models"))
    }

    /// The folders to search, first to last: the one asked for, the user's, `models` beside the
    /// binary, `models` of the package this binary was built from.
    pub(crate) fn search_path(&self, asked_for: Option<&Path>) -> Vec<PathBuf> {
        let beside = self.binary.as_deref().and_then(Path::parent).map(|folder| folder.join("models"));
        let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in [asked_for.map(Path::to_path_buf), self.user_folder(), beside, Some(package)] {
            folders.extend(folder.filter(|folder| !folders.contains(folder)));
        }
        folders
    }
}

/// The first folder of `folders` that has `file`, as the file's path.
pub(crate) fn find(folders: &[PathBuf], file: &str) -> Option<PathBuf> {
    folders.iter().map(|folder| folder.join(file)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(xdg: Option<&str>, home: Option<&str>) -> Surroundings {
        Surroundings {
            xdg_data_home: xdg.map(Into::into),
            home: home.map(Into::into),
            binary: Some("/opt/facerec/facerec".into()),
        }
    }

    #[test]
    fn the_folder_asked_for_comes_first() {
        let path = surroundings(Some("/data"), Some("/home/ada")).search_path(Some(Path::new("mine")));
        let package = concat!(env!("CARGO_MANIFEST_DIR"), "/models");
        assert_eq!(
            path,
            ["mine", "/data/facerec/models", "/opt/facerec/models", package].map(PathBuf::from).to_vec()
        );
    }

    #[test]
    fn a_folder_is_searched_once() {
        let path = surroundings(Some("/data"), None).search_path(Some(Path::new("/data/facerec/models")));
        assert_eq!(path.len(), 3);
    }

    #[test]
    fn the_user_folder_follows_the_xdg_specification() {
        let home = Some(PathBuf::from("/home/ada/.local/share/facerec/models"));
        assert_eq!(surroundings(None, Some("/home/ada")).user_folder(), home);
        assert_eq!(surroundings(Some(""), Some("/home/ada")).user_folder(), home);
        assert_eq!(surroundings(Some("relative"), Some("/home/ada")).user_folder(), home);
        assert_eq!(surroundings(Some("relative"), None).user_folder(), None);
    }
}
