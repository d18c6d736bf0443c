//! Which layers belong to a plan: `<plan>.layers`, a small JSON file beside it.
//!
//! It names every layer since the plan was built, those that were folded into the plan's file too: which
//! those are the state of that file tells. So file and manifest may be replaced one after the other, and
//! whoever opens the plan between finds it whole. A plan that is built over one with layers is announced in
//! the manifest before it takes that one's place.

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::file::SnapshotFile;
use super::format::Fault;
use super::lineage::Time;
use super::publish::{folder_of, publish_file, sync_folder};
use super::{Memory, SnapshotError};

/// The version of the manifest that this code reads and writes.
const FORMAT: u64 = 1;

//----------- Manifest -------------------------------------------------------

/// The layers of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The state that the first layer applies to.
    pub(super) base: u64,
    /// In their order.
    pub(super) layers: Vec<Entry>,
    /// What leads back to before a fold, in the order of the folds.
    pub(super) undo: Vec<Entry>,
    /// The state of a plan without layers that takes this one's place.
    pub(super) replaced_by: Option<u64>,
}

/// One file that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its name in the folder of the plan.
    pub(super) file: String,
    pub(super) sequence: u64,
    pub(super) time: Time,
    pub(super) state: u64,
    pub(super) parent: u64,
    pub(super) length: u64,
    pub(super) checksum: u64,
}

impl Manifest {
    /// Reads the manifest of the plan at `plan`; `None` if there is none.
    pub(super) fn read(plan: &Path) -> Result<Option<Self>, SnapshotError> {
        let path = beside(plan, ".layers");
        let octets = match std::fs::read(&path) {
            Ok(octets) => octets,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(SnapshotError { path: Some(path), fault: Fault::Io(error) }),
        };
        match serde_json::from_slice(&octets).ok().as_ref().and_then(Self::from_json) {
            Some(manifest) => Ok(Some(manifest)),
            None => Err(SnapshotError {
                path: Some(path),
                fault: Fault::Layers {
                    what: "damaged list of layers: copy it again, or build the plan anew, which removes it"
                        .to_owned(),
                },
            }),
        }
    }

    /// Reads the manifest of the plan at `plan`, whose file is in the state `base`; `None` if there is none, or
    /// only one of a plan that was replaced by that file.
    pub(super) fn of_plan(plan: &Path, base: u64) -> Result<Option<Self>, SnapshotError> {
        let manifest = Self::read(plan)?.filter(|manifest| manifest.replaced_by != Some(base));
        // Whatever was to replace the plan did not.
        Ok(manifest.map(|manifest| Self { replaced_by: None, ..manifest }))
    }

    /// Publishes it beside the plan at `plan`.
    pub(super) fn write(&self, plan: &Path) -> Result<(), SnapshotError> {
        let rows = |entries: &[Entry]| entries.iter().map(Entry::to_json).collect::<Vec<_>>();
        let mut text = format!("{{\"format\": {FORMAT}, \"base\": \"{:016x}\"", self.base);
        for (name, rows) in [("layers", rows(&self.layers)), ("undo", rows(&self.undo))] {
            let rows: Vec<String> = rows.iter().map(|row| format!("\n  {row}")).collect();
            text.push_str(&format!(",\n \"{name}\": [{}]", rows.join(",")));
        }
        if let Some(state) = self.replaced_by {
            text.push_str(&format!(",\n \"replaced_by\": \"{state:016x}\""));
        }
        text.push_str("}\n");
        publish_file(&beside(plan, ".layers"), |out| out.write_all(text.as_bytes()))
    }

    /// Removes the manifest of the plan at `plan`, if there is one.
    pub(super) fn remove(plan: &Path) -> Result<(), SnapshotError> {
        let path = beside(plan, ".layers");
        let removed = match std::fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => Err(error),
            Ok(()) => sync_folder(folder_of(plan)),
        };
        removed.map_err(|error| SnapshotError { path: Some(path), fault: Fault::Io(error) })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        if fields.get("format")?.as_u64()? != FORMAT {
            return None;
        }
        let entries =
            |name| fields.get(name)?.as_array()?.iter().map(Entry::from_json).collect::<Option<Vec<_>>>();
        let replaced_by = match fields.contains_key("replaced_by") {
            true => Some(hexadecimal(fields, "replaced_by")?),
            false => None,
        };
        let (base, layers, undo) = (hexadecimal(fields, "base")?, entries("layers")?, entries("undo")?);
        let manifest = Self { base, layers, undo, replaced_by };
        manifest.is_chain().then_some(manifest)
    }

    /// Whether each layer follows the one before, and each undo lies on their way.
    fn is_chain(&self) -> bool {
        let mut state = self.base;
        let mut before: Option<&Entry> = None;
        for layer in &self.layers {
            let follows = before.is_none_or(|before| {
                before.sequence.checked_add(1) == Some(layer.sequence) && before.time <= layer.time
            });
            if layer.parent != state || !follows {
                return false;
            }
            state = layer.state;
            before = Some(layer);
        }
        let first = self.layers.first().map_or(u64::MAX, |layer| layer.sequence);
        self.undo.iter().all(|undo| {
            undo.sequence.checked_add(1).is_some_and(|next| first <= next)
                && self
                    .layers
                    .iter()
                    .any(|layer| layer.state == undo.parent && layer.sequence > undo.sequence)
        })
    }
}

impl Entry {
    /// Describes the file with these octets, which will be called `file`.
    pub(super) fn of(file: String, octets: &[u8]) -> Result<Self, Fault> {
        let opened = SnapshotFile::from_octets(octets.to_vec())?;
        let lineage = opened.lineage();
        Ok(Self {
            file,
            sequence: lineage.sequence(),
            time: lineage.time(),
            state: lineage.state(),
            parent: lineage.parent(),
            length: octets.len() as u64,
            checksum: opened.checksum(),
        })
    }

    /// Opens the file beside the plan at `plan` and checks every octet of it.
    pub(super) fn open(&self, plan: &Path) -> Result<SnapshotFile, SnapshotError> {
        let path = folder_of(plan).join(&self.file);
        let plan = plan.display();
        let refused = |what| SnapshotError { path: Some(path.clone()), fault: Fault::Layers { what } };
        let mend = format!("copy it again from where {plan} was made");
        let sequence = self.sequence;
        let file = SnapshotFile::open(&path, Memory::Map).map_err(|error| match error.fault {
            Fault::Io(error) if error.kind() == ErrorKind::NotFound => {
                refused(format!("this layer of {plan} (sequence {sequence}) is missing: {mend}"))
            }
            Fault::NotASnapshot => {
                refused(format!("this layer of {plan} (sequence {sequence}) is no file of numdip: {mend}"))
            }
            fault => refused(format!("this layer of {plan} (sequence {sequence}) cannot be used: {fault}")),
        })?;
        if file.size() as u64 != self.length || file.checksum() != self.checksum {
            return Err(refused(format!(
                "this is not the layer with sequence {sequence} that {plan}.layers names: {mend}"
            )));
        }
        let lineage = file.lineage();
        let found = (lineage.sequence(), lineage.time(), lineage.state(), lineage.parent());
        if found != (self.sequence, self.time, self.state, self.parent) {
            return Err(refused(format!(
                "{plan}.layers says other things of this layer than it does: {mend}"
            )));
        }
        file.verify().map_err(|fault| SnapshotError { path: Some(path.clone()), fault })?;
        Ok(file)
    }

    fn to_json(&self) -> Value {
        json!({
            "file": self.file,
            "sequence": self.sequence,
            "time": self.time.0,
            "state": format!("{:016x}", self.state),
            "parent": format!("{:016x}", self.parent),
            "length": self.length,
            "checksum": format!("{:016x}", self.checksum),
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let fields = value.as_object()?;
        let number = |name| fields.get(name)?.as_u64();
        let file = fields.get("file")?.as_str()?;
        // Files lie beside the plan, nowhere else.
        let is_name = !file.is_empty() && file != "." && file != ".." && !file.contains(['/', '\\', '\0']);
        is_name.then_some(())?;
        Some(Self {
            file: file.to_owned(),
            sequence: number("sequence")?,
            time: Time(fields.get("time")?.as_i64()?),
            state: hexadecimal(fields, "state")?,
            parent: hexadecimal(fields, "parent")?,
            length: number("length")?,
            checksum: hexadecimal(fields, "checksum")?,
        })
    }
}

/// A field of 16 hexadecimal digits: JSON readers round integers of 64 bits.
fn hexadecimal(fields: &Map<String, Value>, name: &str) -> Option<u64> {
    u64::from_str_radix(fields.get(name)?.as_str().filter(|text| text.len() == 16)?, 16).ok()
}

/// The path of a plan with `ending` behind it.
pub(super) fn beside(plan: &Path, ending: &str) -> PathBuf {
    let mut path = OsString::from(plan);
    path.push(ending);
    PathBuf::from(path)
}

/// Whether `name` is one that [`file_name`] gives for the plan at `plan`.
pub(super) fn is_file_name(plan: &Path, name: &str) -> bool {
    let parts = plan
        .file_name()
        .and_then(|plan| name.strip_prefix(plan.to_str()?)?.strip_prefix('.')?.split_once('.'));
    parts.is_some_and(|(sequence, ending)| {
        let is_number = sequence.len() >= 6 && sequence.bytes().all(|octet| octet.is_ascii_digit());
        is_number && ["layer", "undo"].contains(&ending)
    })
}

/// The name of the file of a layer with this sequence number, or of the undo of a fold up to it.
pub(super) fn file_name(plan: &Path, sequence: u64, ending: &str) -> Option<String> {
    let name = plan.file_name()?.to_str()?;
    Some(format!("{name}.{sequence:06}.{ending}"))
}
