use ssd_import::*;
#[test]
fn dev() {
    for entry in std::fs::read_dir("/work/shared/data/tensorflow").expect("x") {
        let path = entry.expect("x").path();
        if path.extension().is_none_or(|e| e != "tflite") {
            continue;
        }
        let start = std::time::Instant::now();
        match TensorFile::open_path(&path) {
            Err(e) => println!("{}: {e}", path.display()),
            Ok(file) => {
                println!("{} opened {:?}", path.display(), start.elapsed());
                match Conversion::new(file, &Options::default()) {
                    Err(e) => println!("{}: {e} {:?}", path.display(), start.elapsed()),
                    Ok(c) => {
                        println!(
                            "{}: {} {:?} pieces {} unused {:?} notes {:?} {:?}",
                            path.display(),
                            c.plan.layout.name,
                            c.plan.arch,
                            c.specs().count(),
                            c.plan.unused,
                            c.plan.notes,
                            start.elapsed()
                        );
                        if let Some(h) = &c.plan.header {
                            println!("{:?} {:?} listed {}", h.labels, h.normalization, h.priors.listed.is_some())
                        }
                        let b = c.to_bytes(ssd::weights::Dtype::F32, &mut |_, _| {}).expect("bytes");
                        println!("{} bytes {:?}", b.len(), start.elapsed());
                        std::fs::write(format!("/tmp/conv-{}.safetensors", path.file_stem().expect("x").display()), b)
                            .expect("x");
                    }
                }
            }
        }
    }
}
