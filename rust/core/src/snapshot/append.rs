//! One more layer, and layers folded into the file: in which order files are written, so that whoever opens
//! the plan meanwhile, or after a crash, finds it as it was or as it will be.

use std::path::Path;

use super::format::Fault;
use super::manifest::{Entry, Manifest, file_name};
use super::writer::{Sections, folder_of, publish, publish_file, sync_folder, write};
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
    manifest.write(plan)?;
    Ok(name)
}

/// Replaces the file of the plan by one with all layers in it, and keeps what was before as `undo` has it.
///
/// The list goes first and the file's state says which of its layers are folded: so the order of the two
/// does not matter to whoever opens the plan between.
pub fn replace_by_folded(
    snapshot: &Snapshot,
    folded: &Sections,
    undo: &Sections,
) -> Result<(), SnapshotError> {
    let plan = path_of(snapshot)?;
    let mut manifest = manifest_of(snapshot, plan)?;
    // Undos of folds that were not finished lead nowhere.
    let behind = manifest.undo_behind(snapshot.base_lineage().state());
    let mut behind: Vec<Entry> = behind.into_iter().rev().cloned().collect();
    behind.push(publish_layer(plan, undo, "undo", snapshot.lineage().sequence())?);
    manifest.undo = behind;
    manifest.write(plan)?;
    publish(folded, plan)
}

/// Replaces the file of the plan by one with all layers in it, and forgets what was before.
///
/// The file goes first: with it the list's layers are known to be folded, and the list can go.
pub fn replace_and_forget(snapshot: &Snapshot, folded: &Sections) -> Result<(), SnapshotError> {
    let plan = path_of(snapshot)?;
    let manifest = manifest_of(snapshot, plan)?;
    publish(folded, plan)?;
    forget(plan, &manifest)
}

/// Publishes a plan at `path`, whose own layers, if it had any, are its no longer.
pub fn replace_plan(sections: &Sections, path: &Path) -> Result<(), SnapshotError> {
    publish(sections, path)?;
    Manifest::remove(path)
}

/// Removes a list of layers that are all folded, and their files.
fn forget(plan: &Path, manifest: &Manifest) -> Result<(), SnapshotError> {
    Manifest::remove(plan)?;
    let folder = folder_of(plan);
    for entry in manifest.layers.iter().chain(&manifest.undo) {
        // One that is gone or cannot be removed does no harm: nothing names it now.
        let _ = std::fs::remove_file(folder.join(&entry.file));
    }
    let here = |error| SnapshotError { path: Some(plan.to_owned()), fault: Fault::Io(error) };
    sync_folder(folder).map_err(here)
}

/// The list of the layers that `snapshot` has, as it stands on disk.
fn manifest_of(snapshot: &Snapshot, plan: &Path) -> Result<Manifest, SnapshotError> {
    let manifest = Manifest::read(plan)?
        .unwrap_or_else(|| Manifest { base: snapshot.base.lineage().state(), ..Manifest::default() });
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
