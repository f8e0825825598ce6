//! The wasm in two forms. It is compiled with relaxed SIMD, whose multiply-add is one instruction; browsers without
//! that refuse the whole file. So a plain form is made of it here, with two instructions in place of that one, and the
//! glue, which serves both, asks the browser which one to load.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use wasm_encoder::reencode::{self, Reencode, utils};
use wasm_encoder::{CodeSection, Function, Instruction, Module, ValType};
use wasmparser::{FunctionBody, Operator, Parser, Payload, Validator, WasmFeatures};

use crate::workspace::{BURN_CRATE, BURN_FOLDER};
use crate::{scripts, shell, workspace};

/// How the names of the forms end. The first is what wasm-bindgen calls its file.
const PLAIN: &str = "_bg.wasm";
const RELAXED: &str = "_relaxed.wasm";

/// A module with one function, which asks for a relaxed multiply-add in unreachable code.
const PROBE: [u8; 29] = [
    0, b'a', b's', b'm', 1, 0, 0, 0, // version 1
    1, 4, 1, 0x60, 0, 0, // a type: no parameters, no results
    3, 2, 1, 0, // a function of that type
    10, 9, 1, 7, 0, 0x00, 0xfd, 0x85, 0x02, 0x1a, 0x0b, // unreachable, f32x4.relaxed_madd, drop, end
];

/// Makes both forms of what was built into `dist/`; of Burn's engine, which only measuring loads, the plain one alone.
pub fn write() -> Result<()> {
    let dist = shell::root().join("dist");
    for name in ["wasm/ssd-web", "lab/ssd-lab"] {
        split(&dist.join(name))?;
    }
    let burn = with(&dist.join(BURN_FOLDER).join(BURN_CRATE), PLAIN);
    put(&burn, &plain(&workspace::bytes(&burn)?)?)
}

/// The glue's name for the plain form, and before it what chooses the relaxed one.
fn choice(name: &str) -> (String, String) {
    let address = |ending| format!("new URL('{name}{ending}', import.meta.url)");
    let probe = PROBE.map(|byte| byte.to_string()).join(",");
    let asked = format!("WebAssembly.validate(new Uint8Array([{probe}])) ? {} : ", address(RELAXED));
    (address(PLAIN), asked)
}

/// What the service worker has to know to keep the one form that its browser loads: both by their paths in `dist/`, and
/// the module to ask with.
pub fn forms<'a>(paths: impl Iterator<Item = &'a str>) -> Value {
    let relaxed: Vec<&str> = paths.filter(|path| path.ends_with(RELAXED)).collect();
    let plain: Vec<String> = relaxed.iter().map(|path| path.replace(RELAXED, PLAIN)).collect();
    json!({ "probe": PROBE.as_slice(), "plain": plain, "relaxed": relaxed })
}

/// A script as it was before it had a choice, for a page that has the plain form alone. Scripts without a choice stay.
pub fn without_choice(path: &str, script: &str) -> String {
    let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
    script.replace(&choice(&name).1, "")
}

/// Keeps the form that was built under its other name, puts the plain form in its place, and lets the glue choose. Does
/// nothing if that was done before.
fn split(path: &Path) -> Result<()> {
    let [plain_path, relaxed_path, glue_path] = [PLAIN, RELAXED, ".js"].map(|ending| with(path, ending));
    let name = path.file_name().context("a wasm has a name")?.to_string_lossy();
    let (address, asked) = choice(&name);
    let glue = scripts::text(&glue_path)?;
    if glue.contains(&asked) {
        return Ok(());
    }
    ensure!(glue.matches(&address).count() == 1, "{} has to have `{address}` once", glue_path.display());
    let relaxed = workspace::bytes(&plain_path)?;
    let plain = plain(&relaxed).with_context(|| format!("{} cannot be made plain", plain_path.display()))?;
    put(&relaxed_path, &relaxed)?;
    put(&plain_path, &plain)?;
    put(&glue_path, glue.replace(&address, &format!("{asked}{address}")).as_bytes())
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// An error unless browsers without relaxed SIMD take it.
fn ensure_plain(wasm: &[u8]) -> Result<()> {
    let features = WasmFeatures::default().difference(WasmFeatures::RELAXED_SIMD);
    Validator::new_with_features(features).validate_all(wasm)?;
    Ok(())
}

/// The same module with a product and a sum in place of each relaxed multiply-add, and exact minima and maxima in place
/// of relaxed ones.
fn plain(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut module = Module::new();
    Plain { parameters: parameters(wasm)?.into_iter() }.parse_core_module(&mut module, Parser::new(0), wasm)?;
    let plain = module.finish();
    ensure_plain(&plain).context("it has instructions without a plain form")?;
    Ok(plain)
}

/// How many parameters each function of the module has, imported ones left out.
fn parameters(wasm: &[u8]) -> Result<Vec<u32>> {
    let (mut types, mut functions) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                for function in section.into_iter_err_on_gc_types() {
                    types.push(u32::try_from(function?.params().len())?);
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    functions.push(*types.get(index? as usize).context("a function has no type")?);
                }
            }
            _ => {}
        }
    }
    Ok(functions)
}

/// Copies a module, without relaxed multiply-add.
struct Plain {
    /// Of the functions to come.
    parameters: std::vec::IntoIter<u32>,
}

impl Reencode for Plain {
    type Error = std::convert::Infallible;

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<(), reencode::Error> {
        let mut term = self.parameters.next().unwrap_or_default();
        let mut operators = body.get_operators_reader()?.into_iter();
        if !operators.any(|operator| matches!(operator, Ok(Operator::F32x4RelaxedMadd))) {
            return utils::parse_function_body(self, code, body);
        }
        let mut locals = Vec::new();
        for group in body.get_locals_reader()? {
            let (count, kind) = group?;
            term += count;
            locals.push((count, self.val_type(kind)?));
        }
        // Where the term waits for the product: one more local, behind the function's own.
        locals.push((1, ValType::V128));
        let mut function = Function::new(locals);
        for operator in body.get_operators_reader()? {
            match operator? {
                Operator::F32x4RelaxedMadd => {
                    function.instruction(&Instruction::LocalSet(term));
                    function.instruction(&Instruction::F32x4Mul);
                    function.instruction(&Instruction::LocalGet(term));
                    function.instruction(&Instruction::F32x4Add);
                }
                other => {
                    function.instruction(&self.instruction(other)?);
                }
            }
        }
        code.function(&function);
        Ok(())
    }

    /// The relaxed minimum and maximum may be any of those there are: they differ in NaN and the sign of zero.
    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Result<Instruction<'a>, reencode::Error> {
        match operator {
            Operator::F32x4RelaxedMin => Ok(Instruction::F32x4Min),
            Operator::F32x4RelaxedMax => Ok(Instruction::F32x4Max),
            Operator::F64x2RelaxedMin => Ok(Instruction::F64x2Min),
            Operator::F64x2RelaxedMax => Ok(Instruction::F64x2Max),
            other => utils::instruction(self, other),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use wasm_encoder::{FunctionSection, TypeSection};

    use super::*;

    /// One function of two parameters and a local.
    fn module(instructions: &[Instruction<'_>]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::V128, ValType::V128], [ValType::V128]);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut function = Function::new([(1, ValType::I32)]);
        for instruction in instructions {
            function.instruction(instruction);
        }
        let mut code = CodeSection::new();
        code.function(&function);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        module.finish()
    }

    const START: [Instruction<'_>; 3] = [Instruction::LocalGet(0), Instruction::LocalGet(1), Instruction::LocalGet(0)];

    fn operators(wasm: &[u8]) -> Vec<String> {
        let body = Parser::new(0).parse_all(wasm).find_map(|payload| match payload.unwrap() {
            Payload::CodeSectionEntry(body) => Some(body),
            _ => None,
        });
        body.unwrap().get_operators_reader().unwrap().into_iter().map(|one| format!("{:?}", one.unwrap())).collect()
    }

    #[test]
    fn a_multiply_add_becomes_a_product_and_a_sum_with_its_term_in_a_new_local() {
        let relaxed = module(&[&START[..], &[Instruction::F32x4RelaxedMadd, Instruction::End]].concat());
        assert!(ensure_plain(&relaxed).is_err());
        let start = ["LocalGet { local_index: 0 }", "LocalGet { local_index: 1 }", "LocalGet { local_index: 0 }"];
        let sum = ["LocalSet { local_index: 3 }", "F32x4Mul", "LocalGet { local_index: 3 }", "F32x4Add", "End"];
        assert_eq!(operators(&plain(&relaxed).unwrap()), [&start[..], &sum].concat());
    }

    #[test]
    fn a_relaxed_maximum_becomes_an_exact_one() {
        let start = [Instruction::LocalGet(0), Instruction::LocalGet(1)];
        let [relaxed, exact] = [Instruction::F32x4RelaxedMax, Instruction::F32x4Max]
            .map(|maximum| module(&[&start[..], &[maximum, Instruction::End]].concat()));
        assert_eq!(plain(&relaxed).unwrap(), exact);
    }

    #[test]
    fn what_is_plain_stays_and_what_stays_relaxed_is_an_error() {
        let others = [Instruction::F32x4Add, Instruction::F32x4Mul, Instruction::End];
        let wasm = module(&[&START[..], &others].concat());
        assert_eq!(plain(&wasm).unwrap(), wasm);
        let others = [Instruction::F32x4RelaxedNmadd, Instruction::End];
        let error = plain(&module(&[&START[..], &others].concat())).unwrap_err().to_string();
        assert_eq!(error, "it has instructions without a plain form");
    }

    #[test]
    fn both_forms_are_there_afterwards_and_a_second_time_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let relaxed = module(&[&START[..], &[Instruction::F32x4RelaxedMadd, Instruction::End]].concat());
        let glue = "path = new URL('a_bg.wasm', import.meta.url);";
        fs::write(with(&path, PLAIN), &relaxed).unwrap();
        fs::write(with(&path, ".js"), glue).unwrap();
        for _ in 0..2 {
            split(&path).unwrap();
            ensure_plain(&fs::read(with(&path, PLAIN)).unwrap()).unwrap();
            assert_eq!(fs::read(with(&path, RELAXED)).unwrap(), relaxed);
            let choosing = scripts::text(&with(&path, ".js")).unwrap();
            assert!(choosing.contains(" ? new URL('a_relaxed.wasm', import.meta.url) : new URL('a_bg"), "{choosing}");
            assert_eq!(without_choice("lab/a.js", &choosing), glue);
        }
        fs::write(with(&path, ".js"), "").unwrap();
        assert!(split(&path).is_err());
    }

    #[test]
    fn forms_come_in_pairs_and_other_wasm_is_none() {
        let forms = forms(["a/b_bg.wasm", "a/b_relaxed.wasm", "c_bg.wasm"].into_iter());
        assert_eq!((&forms["plain"], &forms["relaxed"]), (&json!(["a/b_bg.wasm"]), &json!(["a/b_relaxed.wasm"])));
        assert_eq!(forms["probe"].as_array().unwrap().len(), PROBE.len());
    }

    #[test]
    fn the_probe_is_a_module_that_takes_relaxed_simd_and_nothing_else() {
        assert!(Validator::new_with_features(WasmFeatures::default()).validate_all(&PROBE).is_ok());
        assert!(ensure_plain(&PROBE).is_err());
        assert!(operators(&PROBE).contains(&"F32x4RelaxedMadd".to_owned()));
    }
}
