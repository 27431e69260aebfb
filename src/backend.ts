/** Which of tfjs' backends computes: WebGL on real graphics hardware, else WASM, else plain JavaScript. */
import "@tensorflow/tfjs-backend-cpu";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import "@tensorflow/tfjs-backend-webgl";
import * as tf from "@tensorflow/tfjs-core";
import wasm from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm";

export const BACKENDS = ["webgl", "wasm", "cpu"] as const;
export type Backend = (typeof BACKENDS)[number];
export type BackendChoice = Backend | "auto";

tf.enableProdMode();
// Only the SIMD build is shipped: threads need headers that no notebook server sends.
tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
if (wasm) {
  setWasmPaths(
    {
      "tfjs-backend-wasm.wasm": wasm,
      "tfjs-backend-wasm-simd.wasm": wasm,
      "tfjs-backend-wasm-threaded-simd.wasm": wasm,
    },
    true,
  );
}

/** Renderers that compute on the processor, where WASM is faster. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

function webglRenderer(): string | null {
  if (typeof OffscreenCanvas === "undefined") return null;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!gl) return null;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return name;
}

let renderer: string | null | undefined;

/** Backends that can be chosen here, best first. WebGL stands first only on hardware with 32-bit float textures. */
export function availableBackends(): Backend[] {
  renderer = renderer === undefined ? webglRenderer() : renderer;
  if (!renderer) return ["wasm", "cpu"];
  const fast = !SOFTWARE.test(renderer) && tf.env().getBool("WEBGL_RENDER_FLOAT32_CAPABLE");
  return fast ? ["webgl", "wasm", "cpu"] : ["wasm", "webgl", "cpu"];
}

/** With which WebGL computes, once it has started. */
function webglContext(): WebGLRenderingContext | undefined {
  const webgl = tf.findBackend("webgl") as unknown as { gpgpu?: { gl: WebGLRenderingContext } } | null;
  return webgl?.gpgpu?.gl;
}

/**
 * Resolves when the hardware that WebGL computes with is taken away, at once where it has been: what lies there is gone, and
 * what is awaited from it may never come.
 * @param signal ends the waiting
 */
export async function graphicsLoss(signal: AbortSignal): Promise<void> {
  const gl = webglContext();
  if (gl?.isContextLost()) return;
  await new Promise<void>((resolve) =>
    gl?.canvas.addEventListener("webglcontextlost", () => resolve(), { once: true, signal }),
  );
}

/** tfjs keeps a backend, with its lost context, for ever. */
function renewGraphics(): void {
  const factory = tf.findBackendFactory("webgl");
  tf.removeBackend("webgl");
  tf.registerBackend("webgl", factory, 2);
}

/** Makes a backend the current one and says which; "auto" takes the first that starts. */
export async function useBackend(choice: BackendChoice): Promise<Backend> {
  if (choice !== "auto" && !BACKENDS.includes(choice)) {
    throw new Error(`backend "${String(choice)}" does not exist; choose one of ${BACKENDS.join(", ")} or auto`);
  }
  const wanted = choice === "auto" ? availableBackends() : [choice];
  for (const backend of wanted) {
    if (backend === "webgl" && webglContext()?.isContextLost()) renewGraphics();
    if (await tf.setBackend(backend).catch(() => false)) return backend;
  }
  throw new Error(
    `backend ${wanted.join(", ")} does not start in this ${typeof window === "undefined" ? "worker" : "page"}; choose another one`,
  );
}
