using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Microsoft.ML.NaturalGradient.Tests.Architecture;

/// <summary>Reads from an assembly's instructions which tensors it makes without saying on which device, that is on the CPU.</summary>
/// <remarks>
/// A method of TorchSharp that takes a device makes its tensor there, and on the CPU when it gets null; those called ones_like and so on where the
/// other tensor is. The argument is found by going back
/// from the call over what was pushed after it: null and constants, which is what optional arguments are.
/// </remarks>
internal static class DevicePlacement
{
    /// <summary>Methods that make a tensor without a device, once for each tensor, as "Type.Method: factory".</summary>
    public static IReadOnlyList<string> WithoutDevice(string assembly)
    {
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(Path.GetDirectoryName(assembly));
        using var module = ModuleDefinition.ReadModule(assembly, new ReaderParameters { AssemblyResolver = resolver });
        var found =
            from type in module.GetTypes()
            from method in type.Methods
            where method.HasBody
            from instruction in method.Body.Instructions
            where instruction.Operand is MethodReference called && called.DeclaringType.Scope.Name == "TorchSharp" && !called.Name.EndsWith("_like", StringComparison.Ordinal) && TakesNoDevice(instruction, called)
            select $"{Place(method)}: {((MethodReference)instruction.Operand).Name}";
        return [.. found.Order(StringComparer.Ordinal)];
    }

    // The method as written: what the compiler made of lambdas and iterators is named like <Method>b__0 or has the class <Method>d__1.
    private static string Place(MethodDefinition method)
    {
        var type = method.DeclaringType;
        var name = method.Name;
        while (type.Name.StartsWith('<'))
        {
            name = name.StartsWith('<') ? name : type.Name;
            type = type.DeclaringType;
        }

        if (name.StartsWith('<'))
        {
            name = name[1..name.IndexOf('>', StringComparison.Ordinal)];
        }

        return $"{type.Name.Split('`')[0]}.{name}";
    }

    private static bool TakesNoDevice(Instruction call, MethodReference called)
    {
        var place = called.Parameters.Select(parameter => parameter.ParameterType.FullName).ToList().LastIndexOf("TorchSharp.torch/Device");
        if (place < 0)
        {
            return false;
        }

        var pushed = call.Previous;
        for (var after = called.Parameters.Count - 1; after > place; after--)
        {
            if (!IsConstant(pushed))
            {
                return false; // a generator, which draws on the CPU anyway
            }

            pushed = pushed.Previous;
        }

        return pushed.OpCode.Code == Code.Ldnull;
    }

    private static bool IsConstant(Instruction instruction) => instruction.OpCode.Code is Code.Ldnull or Code.Ldc_I4_0 or Code.Ldc_I4_1;
}
