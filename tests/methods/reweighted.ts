import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, type TensorProto } from "../../src/proto/onnx_pb";

/** The model with some weights [rows, columns] changed in place. */
export function reweighted(onnx: Uint8Array, change: (w: Float32Array, tensor: TensorProto) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, onnx);
  for (const tensor of model.graph!.initializer) {
    const data = new Float32Array(tensor.rawData.slice().buffer);
    change(data, tensor);
    tensor.rawData = new Uint8Array(data.buffer);
  }
  return toBinary(ModelProtoSchema, model);
}
