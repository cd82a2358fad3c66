using Microsoft.ML.Data;
using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

[TestClass]
public sealed class ImageFolderTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("image-folder-tests-").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Read_ClassFolders_GivesRowsInOrdinalOrder()
    {
        Save("dog/b.png", "dog/a.PNG", "dog/deep/c.png", "Cat/10.png", "Cat/9.png");
        File.WriteAllText(Path.Combine(_folder, "dog", "notes.txt"), "not a picture");

        var folder = ImageFolder.Read(_folder);

        CollectionAssert.AreEqual(new[] { "Cat", "dog" }, folder.Classes.ToArray());
        CollectionAssert.AreEqual(
            new[] { "Cat/10.png", "Cat/9.png", "dog/a.PNG", "dog/b.png", "dog/deep/c.png" },
            folder.Rows.Select(row => Path.GetRelativePath(_folder, row.ImagePath).Replace('\\', '/')).ToArray());
        CollectionAssert.AreEqual(new[] { "Cat", "Cat", "dog", "dog", "dog" }, folder.Rows.Select(row => row.Label).ToArray());
        Assert.IsEmpty(folder.Unreadable);
    }

    [TestMethod]
    public void Read_UnreadablePictures_ListsThem()
    {
        Save("a/1.png", "b/1.png");
        File.WriteAllBytes(Path.Combine(_folder, "a", "empty.jpg"), []);
        File.WriteAllText(Path.Combine(_folder, "b", "text.gif"), "text");
        File.WriteAllBytes(Path.Combine(_folder, "b", "bomb.png"), PictureFiles.Png(20000, 20000, 8, 2, []));

        var folder = ImageFolder.Read(_folder);

        Assert.HasCount(2, folder.Rows);
        CollectionAssert.AreEqual(new[] { "a", "b", "b" }, folder.Unreadable.Select(picture => picture.Label).ToArray());
        foreach (var (picture, problem) in folder.Unreadable.Zip(["is empty", "20000 x 20000", "is not a picture"]))
        {
            Assert.Contains(picture.ImagePath, picture.Problem);
            Assert.Contains(problem, picture.Problem);
        }
    }

    [TestMethod]
    public void Read_CutOffPicture_IsFoundByDecoding()
    {
        Save("a/1.png", "a/2.png");
        var path = Path.Combine(_folder, "a", "2.png");
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);

        Assert.IsEmpty(ImageFolder.Read(_folder).Unreadable);
        var unreadable = ImageFolder.Read(_folder, new ImageFolderOptions { DecodePictures = true }).Unreadable;

        Assert.HasCount(1, unreadable);
        Assert.AreEqual(path, unreadable[0].ImagePath);
    }

    [TestMethod]
    public void Read_Stop_ThrowsForTheFirstUnreadablePicture()
    {
        Save("a/1.png");
        File.WriteAllBytes(Path.Combine(_folder, "a", "2.png"), []);

        var error = Assert.ThrowsExactly<InvalidDataException>(
            () => ImageFolder.Read(_folder, new ImageFolderOptions { Unreadable = UnreadableImages.Stop }));

        StringAssert.StartsWith(error.Message, $"The picture '{Path.Combine(_folder, "a", "2.png")}' is empty");
    }

    [TestMethod]
    public void Read_ClassWithoutReadablePicture_NamesIt()
    {
        Save("a/1.png");
        Directory.CreateDirectory(Path.Combine(_folder, "b"));
        File.WriteAllBytes(Path.Combine(_folder, "b", "2.png"), []);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageFolder.Read(_folder));

        StringAssert.StartsWith(error.Message, $"The class 'b' of '{_folder}' has no readable picture; 1 cannot be read. The first: The picture '");
    }

    [TestMethod]
    public void Read_ClassWithoutFiles_NamesIt()
    {
        Save("a/1.png");
        Directory.CreateDirectory(Path.Combine(_folder, "b"));

        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageFolder.Read(_folder));

        StringAssert.StartsWith(error.Message, $"The class 'b' of '{_folder}' has no pictures (jpg");
    }

    /// <summary>Pictures in deeper folders were passed over; behind a link that leads back, each came nine times.</summary>
    [TestMethod]
    public void Read_FoldersTooDeepOrALinkThatLeadsBack_AreRefused()
    {
        Save("deep/1/2/3/4/5/6/7/8/a.png");
        Assert.HasCount(1, ImageFolder.Read(_folder).Rows);
        Save("deep/1/2/3/4/5/6/7/8/9/b.png");
        var deepest = Path.Combine(_folder, "deep", "1", "2", "3", "4", "5", "6", "7", "8", "9");

        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageFolder.Read(_folder));

        StringAssert.StartsWith(error.Message, $"The class 'deep' has folders in each other, more than 8 deep, or a link that leads back: '{deepest}'. ");
        if (!OperatingSystem.IsWindows())
        {
            Directory.Delete(deepest, recursive: true);
            Directory.CreateSymbolicLink(Path.Combine(_folder, "deep", "1", "loop"), Path.Combine(_folder, "deep"));
            StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => ImageFolder.Read(_folder)).Message, "or a link that leads back: ");
        }
    }

    [TestMethod]
    public void Read_ManyLinksThatLeadBack_AreRefused()
    {
        var picture = Directory.CreateDirectory(Path.Combine(_folder, "class")).FullName;
        try
        {
            for (var n = 0; n < 20; n++) // 20 to the power of 8 folders
            {
                Directory.CreateSymbolicLink(Path.Combine(picture, $"{n}"), picture);
            }
        }
        catch (IOException e) when (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive($"Windows does not let everybody make links: {e.Message}");
        }

        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageFolder.Read(_folder));

        StringAssert.Contains(error.Message, "The class 'class' has more than 20000 folders, or links that lead back to it.");
    }

    [TestMethod]
    public void Read_NoFolderOrNoClasses_SaysSo()
    {
        var missing = Assert.ThrowsExactly<DirectoryNotFoundException>(() => ImageFolder.Read(Path.Combine(_folder, "x")));
        var empty = Assert.ThrowsExactly<InvalidDataException>(() => ImageFolder.Read(_folder));

        Assert.Contains(Path.Combine(_folder, "x"), missing.Message);
        Assert.Contains("has no sub-folders", empty.Message);
    }

    [TestMethod]
    public void ReadTrainTest_TwoFolders_ReadsBoth()
    {
        Save("train/a/1.png", "train/b/2.png", "test/a/3.png");

        var (train, test) = ImageFolder.ReadTrainTest(_folder);

        Assert.HasCount(2, train.Rows);
        Assert.AreEqual("a", test.Rows.Single().Label);
    }

    [TestMethod]
    public void ReadTrainTest_UnknownClassInTest_NamesIt()
    {
        Save("train/a/1.png", "test/b/3.png");

        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageFolder.ReadTrainTest(_folder));

        Assert.Contains("has the class 'b', which 'train' has not", error.Message);
    }

    [TestMethod]
    public void Split_Fraction_TakesThatShareOfEveryClassAndRepeats()
    {
        Save([.. Enumerable.Range(0, 20).Select(i => $"a/{i}.png"), .. Enumerable.Range(0, 10).Select(i => $"b/{i}.png"), "c/1.png", "c/2.png"]);
        var folder = ImageFolder.Read(_folder);

        var (train, test) = folder.Split(0.3, seed: 5);
        var (_, again) = ImageFolder.Read(_folder).Split(0.3, seed: 5);
        var (_, other) = folder.Split(0.3, seed: 6);

        Assert.AreEqual("a 6, b 3, c 1", string.Join(", ", test.Rows.CountBy(row => row.Label).Select(pair => $"{pair.Key} {pair.Value}")));
        CollectionAssert.AreEqual(folder.Rows.Except(test.Rows).ToArray(), train.Rows.ToArray());
        CollectionAssert.AreEqual(Paths(test), Paths(again));
        CollectionAssert.AreNotEqual(Paths(test), Paths(other));
    }

    [TestMethod]
    public void Split_ClassOfOnePicture_NamesIt()
    {
        Save("a/1.png", "a/2.png", "b/1.png");

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => ImageFolder.Read(_folder).Split());

        StringAssert.StartsWith(error.Message, "The class 'b' has a single picture");
    }

    [TestMethod]
    [DataRow(0.0)]
    [DataRow(1.0)]
    [DataRow(double.NaN)]
    public void Split_NoFraction_Throws(double fraction)
    {
        Save("a/1.png", "a/2.png");

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ImageFolder.Read(_folder).Split(fraction));
    }

    [TestMethod]
    [DataRow(0L)]
    [DataRow(500_000_001L)]
    public void Read_IllegalLimit_Throws(long limit)
    {
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ImageFolder.Read(_folder, new ImageFolderOptions { MaxPixels = limit }));

        StringAssert.StartsWith(error.Message, $"MaxPixels is {limit}. Use a number from 1 to 500000000.");
    }

    [TestMethod]
    public void ToDataView_Rows_FeedMLNetsLoader()
    {
        Save("a/1.png", "b/2.png");
        var mlContext = new MLContext(1);

        var view = ImageFolder.Read(_folder).ToDataView(mlContext);

        CollectionAssert.AreEqual(new[] { "a", "b" }, view.GetColumn<string>("Label").ToArray());
        var loaded = mlContext.Transforms.LoadImages("Image", null, "ImagePath").Fit(view).Transform(view);
        var sizes = new List<(int, int)>();
        foreach (var image in loaded.GetColumn<MLImage>("Image"))
        {
            sizes.Add((image.Width, image.Height));
            image.Dispose();
        }
        CollectionAssert.AreEqual(new[] { (6, 5), (6, 5) }, sizes);
    }

    private static string[] Paths(ImageFolder folder) => [.. folder.Rows.Select(row => row.ImagePath)];

    private void Save(params string[] names)
    {
        for (var i = 0; i < names.Length; i++)
        {
            var path = Path.Combine(_folder, names[i]);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, Pictures.Encode(Pictures.Noise(6, 5, i), SKEncodedImageFormat.Png));
        }
    }
}
