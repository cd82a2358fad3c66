namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>The special tokens around a text and around the two texts of a pair.</summary>
internal sealed class SequenceTemplate
{
    private readonly TemplatePart[] _single;
    private readonly TemplatePart[] _pair;

    /// <summary>Takes both layouts.</summary>
    /// <param name="single">Layout of a single text; has the first text once.</param>
    /// <param name="pair">Layout of a pair; has both texts once.</param>
    public SequenceTemplate(IEnumerable<TemplatePart> single, IEnumerable<TemplatePart> pair)
    {
        _single = [.. single];
        _pair = [.. pair];
    }

    /// <summary>Texts without special tokens.</summary>
    public static SequenceTemplate Bare { get; } = new([Text(TemplateSlot.First)], [Text(TemplateSlot.First), Text(TemplateSlot.Second)]);

    /// <summary>The places of a single text.</summary>
    public IReadOnlyList<TemplatePart> Single => _single;

    /// <summary>The places of a pair.</summary>
    public IReadOnlyList<TemplatePart> Pair => _pair;

    /// <summary>Ids of the special tokens.</summary>
    public IEnumerable<int> SpecialIds => _single.Concat(_pair).Where(part => part.Slot == TemplateSlot.Token).Select(part => part.Id).Distinct();

    /// <summary><c>[CLS] A [SEP]</c> and <c>[CLS] A [SEP] B [SEP]</c>; the second text and the token after it are segment 1.</summary>
    public static SequenceTemplate Bert(int classId, int separatorId)
    {
        TemplatePart[] single = [Token(classId), Text(TemplateSlot.First), Token(separatorId)];
        return new SequenceTemplate(single, [.. single, Text(TemplateSlot.Second, 1), Token(separatorId, 1)]);
    }

    /// <summary><c>&lt;s&gt; A &lt;/s&gt;</c> and <c>&lt;s&gt; A &lt;/s&gt;&lt;/s&gt; B &lt;/s&gt;</c>, without segments.</summary>
    public static SequenceTemplate Roberta(int classId, int separatorId)
    {
        TemplatePart[] single = [Token(classId), Text(TemplateSlot.First), Token(separatorId)];
        return new SequenceTemplate(single, [.. single, Token(separatorId), Text(TemplateSlot.Second), Token(separatorId)]);
    }

    /// <summary><c>&lt;s&gt; A</c> and <c>&lt;s&gt; A &lt;/s&gt; B</c>, without segments: what ML.NET's trainers feed NAS-BERT.</summary>
    public static SequenceTemplate NasBert(int classId, int separatorId)
    {
        TemplatePart[] single = [Token(classId), Text(TemplateSlot.First)];
        return new SequenceTemplate(single, [.. single, Token(separatorId), Text(TemplateSlot.Second)]);
    }

    /// <summary><c>&lt;s&gt; A &lt;/s&gt;</c> and <c>&lt;s&gt; A &lt;/s&gt; B</c>; the second text is segment 1: what ML.NET's trainer feeds RoBERTa.</summary>
    public static SequenceTemplate EnglishRoberta(int classId, int separatorId)
    {
        TemplatePart[] single = [Token(classId), Text(TemplateSlot.First), Token(separatorId)];
        return new SequenceTemplate(single, [.. single, Text(TemplateSlot.Second, 1)]);
    }

    /// <summary><c>A &lt;/s&gt;</c> and <c>A &lt;/s&gt; B &lt;/s&gt;</c>, without segments.</summary>
    public static SequenceTemplate EndAfterEach(int endId)
    {
        TemplatePart[] single = [Text(TemplateSlot.First), Token(endId)];
        return new SequenceTemplate(single, [.. single, Text(TemplateSlot.Second), Token(endId)]);
    }

    /// <summary>A token before everything.</summary>
    public static SequenceTemplate BeginBeforeAll(int beginId) => new(Bare._single.Prepend(Token(beginId)), Bare._pair.Prepend(Token(beginId)));

    /// <summary>The same layout without segments, for encoders that know none.</summary>
    public SequenceTemplate WithoutTypeIds() => new(
        _single.Select(part => part with { TypeId = 0 }), _pair.Select(part => part with { TypeId = 0 }));

    /// <summary>Number of special tokens around a text or a pair.</summary>
    public int SpecialCount(bool isPair) => (isPair ? _pair : _single).Count(part => part.Slot == TemplateSlot.Token);

    /// <summary>Puts the beginnings of the texts into the layout.</summary>
    /// <param name="first">Ids of the first text.</param>
    /// <param name="keptFirst">How many of them are kept.</param>
    /// <param name="second">Ids of the second text; <see langword="null"/> for a single text.</param>
    /// <param name="keptSecond">How many of them are kept.</param>
    public TokenSequence Join(List<int> first, int keptFirst, List<int>? second, int keptSecond)
    {
        var parts = second is null ? _single : _pair;
        var ids = new int[keptFirst + keptSecond + SpecialCount(second is not null)];
        var typeIds = Array.Exists(parts, part => part.TypeId != 0) ? new int[ids.Length] : null;
        var position = 0;
        foreach (var part in parts)
        {
            var length = part.Slot switch { TemplateSlot.First => keptFirst, TemplateSlot.Second => keptSecond, _ => 1 };
            if (part.Slot == TemplateSlot.Token)
            {
                ids[position] = part.Id;
            }
            else
            {
                (part.Slot == TemplateSlot.First ? first : second!).CopyTo(0, ids, position, length);
            }

            typeIds?.AsSpan(position, length).Fill(part.TypeId);
            position += length;
        }

        return new TokenSequence(ids, typeIds, keptFirst < first.Count || (second is not null && keptSecond < second.Count));
    }

    /// <summary>Where a text begins in a sequence.</summary>
    /// <param name="slot">Which text.</param>
    /// <param name="first">Ids of the first text.</param>
    /// <param name="second">Ids of the second text; null for a single text.</param>
    /// <returns>The place; that of the end where there is no such text.</returns>
    public int StartOf(TemplateSlot slot, int first, int? second) => (second is null ? _single : _pair).TakeWhile(part => part.Slot != slot)
        .Sum(part => part.Slot switch { TemplateSlot.First => first, TemplateSlot.Second => second ?? 0, _ => 1 });

    private static TemplatePart Token(int id, int typeId = 0) => new(TemplateSlot.Token, id, typeId);

    private static TemplatePart Text(TemplateSlot slot, int typeId = 0) => new(slot, 0, typeId);
}
