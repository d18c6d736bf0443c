//! One more layer, and layers folded into the file: in which order files are written, so that whoever opens
//! the plan meanwhile, or after a crash, finds it as it was or as it will be.

use std::path::Path;

use super::format::Fault;
use super::manifest::{Entry, Manifest, file_name, is_file_name};
use super::publish::{Staged, folder_of, publish_file};
use super::writer::{Sections, publish, write};
use super::{Snapshot, SnapshotError};

/// Publishes `layer` upon `snapshot` and gives its file's name.
///
/// The file of the layer first, then the list that names it: a layer that no list names is not looked at,
/// and its name is used again.
pub fn add_layer(snapshot: &Snapshot, layer: &Sections) -> Result<String, SnapshotError> {
    let plan = path_of(snapshot)?;
    let mut manifest = manifest_of(snapshot, plan)?;
    let entry = publish_layer(plan, layer, "layer", snapshot.lineage().sequence() + 1)?;
    let name = entry.file.clone();
    manifest.layers.push(entry);
    let written = manifest.write(plan);
    remove_unlisted(plan);
    written.map(|()| name)
}

/// Replaces the file of the plan by one with all layers in it, and keeps what was before as `undo` has it.
///
/// The list is named first and the file's state says which of its layers are folded: so the order of the two
/// does not matter to whoever opens the plan between. The file is on the disk before, for it is what a disk
/// may have no room for.
pub fn replace_by_folded(
    snapshot: &Snapshot,
    folded: &Sections,
    undo: &Sections,
) -> Result<(), SnapshotError> {
    let plan = path_of(snapshot)?;
    let mut manifest = manifest_of(snapshot, plan)?;
    let (staged, _) = Staged::write(plan, |out| write(folded, out))?;
    // Undos of folds that were not finished lead nowhere.
    let behind = manifest.undo_behind(snapshot.base_lineage().state());
    let mut behind: Vec<Entry> = behind.into_iter().rev().cloned().collect();
    behind.push(publish_layer(plan, undo, "undo", snapshot.lineage().sequence())?);
    manifest.undo = behind;
    let replaced = manifest.write(plan).and_then(|()| staged.put());
    remove_unlisted(plan);
    replaced
}

/// Replaces the file of the plan by one with all layers in it, and forgets what was before.
///
/// The file goes first: with it the list's layers are known to be folded, and the list can go.
pub fn replace_and_forget(snapshot: &Snapshot, folded: &Sections) -> Result<(), SnapshotError> {
    let plan = path_of(snapshot)?;
    manifest_of(snapshot, plan)?;
    publish(folded, plan)?;
    forget(plan)
}

/// Publishes a plan at `path`, whose own layers, if it had any, are its no longer.
///
/// The list is told first which file ends it: it counts for the old file and not for the new one.
pub fn replace_plan(sections: &Sections, path: &Path) -> Result<(), SnapshotError> {
    let (staged, state) = Staged::write(path, |out| write(sections, out))?;
    // One that cannot be read keeps the old plan from being opened, and the new one until it is removed.
    if let Ok(Some(manifest)) = Manifest::read(path) {
        Manifest { replaced_by: Some(state), ..manifest }.write(path)?;
    }
    staged.put()?;
    forget(path)
}

/// Removes the list of a plan, which says nothing of its file, and the files of its layers.
fn forget(plan: &Path) -> Result<(), SnapshotError> {
    Manifest::remove(plan)?;
    remove_unlisted(plan);
    Ok(())
}

/// Removes the layers of a plan that its list does not name: of plans before it, of folds that are forgotten,
/// and of runs that failed or were killed.
fn remove_unlisted(plan: &Path) {
    // As it stands on the disk, whether or not it could be changed.
    let Ok(manifest) = Manifest::read(plan) else { return };
    let manifest = manifest.unwrap_or_default();
    let listed = |name: &str| manifest.layers.iter().chain(&manifest.undo).any(|entry| entry.file == name);
    let entries = std::fs::read_dir(folder_of(plan)).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| is_file_name(plan, name) && !listed(name)) {
            // One that cannot be removed does no harm: nothing names it.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The list of the layers that `snapshot` has, as it stands on disk.
fn manifest_of(snapshot: &Snapshot, plan: &Path) -> Result<Manifest, SnapshotError> {
    let base = snapshot.base.lineage().state();
    let manifest = Manifest::of_plan(plan, base)?.unwrap_or_else(|| Manifest { base, ..Manifest::default() });
    let last = manifest.layers.last().map_or(manifest.base, |layer| layer.state);
    if last == snapshot.lineage().state() && snapshot.base.is_still_at_its_path() {
        return Ok(manifest);
    }
    let what = "another program changed the plan meanwhile, nothing was written: do it again".to_owned();
    Err(SnapshotError { path: Some(plan.to_owned()), fault: Fault::Layers { what } })
}

fn publish_layer(plan: &Path, layer: &Sections, ending: &str, last: u64) -> Result<Entry, SnapshotError> {
    let here = |fault| SnapshotError { path: Some(plan.to_owned()), fault };
    let unnamed = || Fault::Layers { what: "layers need a file name in UTF-8: rename the plan".to_owned() };
    let name = file_name(plan, last, ending).ok_or_else(unnamed).map_err(here)?;
    let mut octets = Vec::new();
    write(layer, &mut octets).map_err(|error| here(Fault::Io(error)))?;
    let path = folder_of(plan).join(&name);
    publish_file(&path, |out| std::io::Write::write_all(out, &octets))?;
    Entry::of(name, &octets).map_err(here)
}

fn path_of(snapshot: &Snapshot) -> Result<&Path, SnapshotError> {
    let what = || Fault::Layers { what: "a plan that lies in memory alone takes no layers".to_owned() };
    snapshot.path().ok_or_else(|| SnapshotError { path: None, fault: what() })
}
