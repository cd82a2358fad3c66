using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>A trainable parameter and its checkpoint name.</summary>
/// <param name="Name">Name as in a checkpoint, for example <c>bert.encoder.layer.0.attention.self.query.lora_A.weight</c>.</param>
/// <param name="Value">The parameter; owned by its module.</param>
internal readonly record struct NamedParameter(string Name, Parameter Value);
