//! JavaScript: one engine per run, with nothing left over from another, as NetSuite has it.

use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::{CatchResultExt, Context, Ctx, Function, Runtime};
use serde::Deserialize;
use serde_json::Value as Json;

use super::run::Run;
use super::thrown::Thrown;

/// Memory that a run may use, in bytes: NetSuite's own limit is of this order.
const MEMORY_MAX: usize = 100 << 20;
/// Stack that scripts may use, in bytes; less than the thread has.
const STACK_MAX: usize = 1 << 20;

/// An engine in which a script is loaded when it is first entered.
pub(super) struct Engine {
    context: Context,
    run: Rc<Run>,
}

#[derive(Deserialize)]
struct Returned {
    #[serde(default)]
    value: Json,
    thrown: Option<Thrown>,
}

impl Engine {
    /// An engine that works for `run`.
    pub(super) fn new(run: Rc<Run>) -> Result<Self, Thrown> {
        let broken = |error: rquickjs::Error| Thrown::unexpected(error.to_string());
        let runtime = Runtime::new().map_err(broken)?;
        runtime.set_memory_limit(MEMORY_MAX);
        runtime.set_max_stack_size(STACK_MAX);
        let watched = Rc::clone(&run);
        runtime.set_interrupt_handler(Some(Box::new(move || watched.must_end())));
        // The context keeps the runtime.
        let context = Context::full(&runtime).map_err(broken)?;
        let engine = Self { context, run };
        engine.context.with(|ctx| engine.prepare(&ctx)).map_err(Thrown::unexpected)?;
        Ok(engine)
    }

    fn prepare(&self, ctx: &Ctx<'_>) -> Result<(), String> {
        let run = Rc::clone(&self.run);
        let ask = move |what: String, about: String| run.answer(&what, &about);
        let run = Rc::clone(&self.run);
        let evaluate = move |ctx: Ctx<'_>, path: String| -> rquickjs::Result<()> {
            let Some(source) = run.source(&path) else {
                let message = format!("Module does not exist: {path}");
                return Err(rquickjs::Exception::throw_message(&ctx, &message));
            };
            let mut options = EvalOptions::default();
            options.strict = false;
            options.filename = Some(path);
            ctx.eval_with_options(source, options)
        };
        let install = || {
            ctx.globals().set("ask", Function::new(ctx.clone(), ask)?)?;
            ctx.globals().set("evaluate", Function::new(ctx.clone(), evaluate)?)?;
            ctx.eval(self.run.source("prelude").unwrap_or_default())
        };
        install().catch(ctx).map_err(|error| error.to_string())
    }

    /// Calls an entry point of a file.
    pub(super) fn enter(&self, file: &str, entry: &str, argument: &Json) -> Result<Json, Thrown> {
        let argument = argument.to_string();
        let returned = self.context.with(|ctx| {
            let called = || ctx.globals().get::<_, Function<'_>>("enter")?.call((file, entry, argument));
            called().catch(&ctx).map_err(|error| error.to_string())
        });
        // What a script does after its end has no effect, and what it returns then nobody sees.
        if let Some(end) = self.run.ended() {
            return Err(end.into());
        }
        let returned: String = returned.map_err(Thrown::unexpected)?;
        let returned: Returned =
            serde_json::from_str(&returned).map_err(|error| Thrown::unexpected(error.to_string()))?;
        returned.thrown.map_or(Ok(returned.value), Err)
    }
}
