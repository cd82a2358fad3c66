using System.Text;
using Samples;

namespace TextTasksSample;

/// <summary>A text as words, each with its tag.</summary>
internal sealed class TaggedSentence
{
    public string[] Sentence { get; set; } = [];

    public string[] Label { get; set; } = [];

    /// <summary>Reads a file with a word, a tab and its tag on each line, and an empty line after each text.</summary>
    /// <exception cref="UsageException">The file is missing, is no UTF-8, has other lines or no text.</exception>
    public static IReadOnlyList<TaggedSentence> Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new UsageException($"There is no file \"{path}\".");
        }

        try
        {
            return Parse(File.ReadAllText(path, new UTF8Encoding(false, throwOnInvalidBytes: true)), path);
        }
        catch (DecoderFallbackException)
        {
            throw new UsageException($"\"{path}\" is not UTF-8. Save it as UTF-8.");
        }
    }

    /// <summary>Reads the content of such a file.</summary>
    internal static IReadOnlyList<TaggedSentence> Parse(string text, string file)
    {
        List<TaggedSentence> sentences = [];
        List<string> words = [], tags = [];
        var lines = text.ReplaceLineEndings("\n").Split('\n');
        for (var i = 0; i <= lines.Length; i++)
        {
            var line = i < lines.Length ? lines[i] : "";
            if (line.Split('\t') is [var word, var tag] && word.Trim().Length > 0 && IsTag(tag.Trim()))
            {
                words.Add(word.Trim());
                tags.Add(tag.Trim());
            }
            else if (line.Trim().Length > 0)
            {
                throw new UsageException($"Line {i + 1} of \"{file}\" is not a word, a tab and a tag such as B-person, I-person or O: \"{line}\".");
            }
            else if (words.Count > 0)
            {
                sentences.Add(new TaggedSentence { Sentence = [.. words], Label = [.. tags] });
                words.Clear();
                tags.Clear();
            }
        }

        return sentences.Count > 0 ? sentences : throw new UsageException($"\"{file}\" has no text. Write a word, a tab and its tag on each line.");
    }

    private static bool IsTag(string tag) => tag == "O" || (tag.Length > 2 && tag[0] is 'B' or 'I' && tag[1] == '-');
}
