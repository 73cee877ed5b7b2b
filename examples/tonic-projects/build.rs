//! Generates the service. `protox` reads the definition in Rust, so nobody has to install `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let definition = protox::compile(["proto/projects.proto"], ["proto"])?;
    tonic_prost_build::configure().compile_fds(definition)?;
    println!("cargo::rerun-if-changed=proto");
    Ok(())
}
